#include "gateway.hpp"

#include <fmt/format.h>

#include "control_link.hpp"
#include "flame/error.hpp"

namespace flame::detail {

gateway::gateway(caf::actor_config& cfg) : event_based_actor(cfg) {
  // nop
}

const char* gateway::name() const {
  return "flame.gateway";
}

caf::behavior gateway::make_behavior() {
  return {
    [this](expect_atom, std::uint64_t id, const caf::actor& runner) {
      expected_.emplace(id, expected{runner});
    },
    [this](forget_atom, std::uint64_t id) {
      forget(id);
    },
    [this](join_atom, std::uint64_t id, std::vector<char>& hello,
           const caf::actor& orders) {
      return join(id, hello, orders);
    },
    [this](drain_atom, std::uint64_t id) {
      if (auto i = expected_.find(id); i != expected_.end())
        send(i->second.runner, drain_atom::value);
    },
    [this](stop_atom) {
      quit();
    },
  };
}

caf::result<caf::message> gateway::join(std::uint64_t id,
                                        std::vector<char>& hello,
                                        const caf::actor& orders) {
  auto terminator = caf::actor_cast<caf::actor>(current_sender());
  if (!terminator)
    return make_error(errc::bad_payload, "a runner joins without a handle");
  auto i = expected_.find(id);
  if (i == expected_.end())
    return make_error(errc::backend_failed,
                      fmt::format("no runner of the number {} is expected: "
                                  "it was given up, or has joined before",
                                  id));
  i->second.node = terminator.node();
  return delegate(i->second.runner, join_atom::value, std::move(hello),
                  terminator, orders);
}

void gateway::forget(std::uint64_t id) {
  auto i = expected_.find(id);
  if (i == expected_.end())
    return;
  // A runner in this process is no other node.
  if (auto& node = i->second.node; node && node != system().node())
    forget_node(system(), node);
  expected_.erase(i);
}

} // namespace flame::detail
