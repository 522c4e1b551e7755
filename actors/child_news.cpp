#include "child_news.hpp"

#include "inline_actor.hpp"

namespace flame::detail {

caf::actor spawn_child_news(caf::actor_system& system,
                            const std::shared_ptr<placements>& placed) {
  // Which refers to this actor.
  std::weak_ptr<placements> known = placed;
  return spawn_inline_actor(system, [known](caf::message& what) {
    auto all = known.lock();
    if (!all)
      return;
    what.apply({
      [&](place_atom, std::uint64_t id, const caf::actor& child) {
        all->started(id, child);
      },
      [&](place_atom, std::uint64_t id, const caf::error& why) {
        all->failed(id, why);
      },
      [&](ended_atom, std::uint64_t id, const caf::error& reason) {
        all->ended(id, reason);
      },
    });
  });
}

} // namespace flame::detail
