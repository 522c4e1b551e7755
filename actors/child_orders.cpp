#include "child_orders.hpp"

#include "inline_actor.hpp"

namespace flame::detail {

caf::actor spawn_child_orders(caf::actor_system& system,
                              std::shared_ptr<children> placed) {
  return spawn_inline_actor(system, [placed](caf::message& what) {
    what.apply({
      [&](place_atom, std::uint64_t id, std::vector<char>& request,
          bool is_linked, const caf::actor& news) {
        placed->place(id, std::move(request), is_linked, news);
      },
    });
  });
}

} // namespace flame::detail
