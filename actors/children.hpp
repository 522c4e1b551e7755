#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "flame/codec.hpp"
#include "flame/detail/caf.hpp"

namespace flame::detail {

/// The children that live on a runner. Starts them where the parent's request
/// arrives, and says to the parent how they start and end. Thread-safe.
class children : public std::enable_shared_from_this<children> {
public:
  /// @param handles decodes the actor handles among their arguments
  /// @param on_unlinked gets the number of children with `link: false` when it
  ///        changes; must not block
  children(caf::actor_system& system, std::shared_ptr<codec_context> handles,
           std::function<void(std::size_t)> on_unlinked);

  ~children();

  /// Starts a child. Runs no code of a user: arguments are decoded, and the
  /// actor is made, in an actor's context.
  /// @param request thunk token, callable, arguments
  /// @param news who is told `(place_atom, id, actor or error)`, then
  ///        `(ended_atom, id, reason)`
  void place(std::uint64_t id, std::vector<char> request, bool is_linked,
             const caf::actor& news);

  /// Tells all to end, those too that are still to come.
  void stop();

private:
  class report;

  void add(std::uint64_t id, const caf::actor& child, bool is_linked);
  void remove(std::uint64_t id, bool is_linked);

  caf::actor_system& system_;
  const std::shared_ptr<codec_context> handles_;
  const std::function<void(std::size_t)> on_unlinked_;
  std::mutex mutex_;
  std::unordered_map<std::uint64_t, caf::actor_addr> all_;
  std::size_t unlinked_ = 0;
  bool stopped_ = false;
};

} // namespace flame::detail
