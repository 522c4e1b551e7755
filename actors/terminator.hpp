#pragma once

#include <functional>
#include <memory>

#include "children.hpp"
#include "flame/detail/caf.hpp"
#include "welcome.hpp"

namespace flame::detail {

/// The actor on the runner that owns its life: watches the parent, joins it, and
/// ends the runner when it is told.
///
/// Joins when it is told `join_atom`, which is when the program has started.
class terminator final : public caf::event_based_actor {
public:
  /// What the terminator does to its surroundings. Called in its context.
  struct callbacks {
    std::function<void()> on_joined;
    std::function<void(const caf::error&)> on_refused;
    std::function<void()> on_drain;
    std::function<void()> on_stop;
    std::function<void()> on_parent_gone;
  };

  /// @param placed the runner's children, which it ends
  terminator(caf::actor_config& cfg, welcome self_info, caf::actor gateway,
             std::shared_ptr<children> placed, callbacks calls);

  const char* name() const override;

  void on_exit() override;

protected:
  caf::behavior make_behavior() override;

private:
  void join();

  const welcome welcome_;
  caf::actor gateway_;
  const std::shared_ptr<children> children_;
  const callbacks calls_;
  caf::actor orders_;
};

} // namespace flame::detail
