#pragma once

#include <functional>
#include <memory>
#include <unordered_map>

#include "flame/codec.hpp"
#include "flame/detail/caf.hpp"
#include "welcome.hpp"

namespace flame::detail {

/// The actor on the runner that owns its life: joins the parent and watches it,
/// starts children and says when they end, and ends the runner when it is told.
class terminator final : public caf::event_based_actor {
public:
  /// What the terminator does to its surroundings. Called in its context.
  struct callbacks {
    std::function<void()> on_joined;
    std::function<void(const caf::error&)> on_refused;
    std::function<void()> on_drain;
    std::function<void()> on_stop;
    std::function<void()> on_parent_gone;
    /// The number of children with `link: false` has changed.
    std::function<void(std::size_t)> on_unlinked;
  };

  terminator(caf::actor_config& cfg, welcome self_info, caf::actor gateway,
             std::shared_ptr<codec_context> handles, callbacks calls);

  const char* name() const override;

protected:
  caf::behavior make_behavior() override;

private:
  struct child {
    std::uint64_t id;
    bool is_linked;
    /// Who is told when it ends.
    caf::actor news;
  };

  void join();
  void place(std::uint64_t id, const std::vector<char>& request, bool is_linked,
             const caf::actor& news);
  void child_ended(const caf::actor_addr& which);
  void stop_children();

  const welcome welcome_;
  const caf::actor gateway_;
  const std::shared_ptr<codec_context> handles_;
  const callbacks calls_;
  std::unordered_map<caf::actor_addr, child> children_;
  std::size_t unlinked_ = 0;
};

} // namespace flame::detail
