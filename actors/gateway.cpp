#include "gateway.hpp"

#include <fmt/format.h>

#include "control_link.hpp"
#include "flame/error.hpp"

namespace flame::detail {

gateway::gateway(caf::actor_config& cfg,
                 std::shared_ptr<expected_runners> expected)
  : event_based_actor(cfg),
    expected_(std::move(expected)) {
  // nop
}

const char* gateway::name() const {
  return "flame.gateway";
}

caf::behavior gateway::make_behavior() {
  // What ended while there was no gateway has told nobody.
  for (auto& [id, each] : expected_->by_number)
    monitor(each.handle);
  set_down_handler([this](const caf::down_msg& what) {
    for (auto& [id, each] : expected_->by_number)
      if (each.handle.address() == what.source)
        return forget(id);
  });
  // In its turn: runners that were there are forgotten first.
  set_exit_handler([this](const caf::exit_msg& exit) {
    if (exit.reason == caf::exit_reason::user_shutdown)
      send(this, stop_atom::value);
    else if (exit.reason)
      quit(exit.reason);
  });
  return {
    [this](expect_atom, std::uint64_t id, const caf::actor& runner) {
      expected_->by_number.emplace(id, expected_runners::runner{runner});
    },
    [this](forget_atom, std::uint64_t id) {
      forget(id);
    },
    [this](join_atom, std::uint64_t id, std::vector<char>& hello,
           const caf::actor& orders) {
      return join(id, hello, orders);
    },
    [this](stop_atom) {
      quit(caf::exit_reason::user_shutdown);
    },
    [this](drain_atom, std::uint64_t id) {
      if (auto i = expected_->by_number.find(id);
          i != expected_->by_number.end())
        send(i->second.handle, drain_atom::value);
    },
  };
}

caf::result<caf::message> gateway::join(std::uint64_t id,
                                        std::vector<char>& hello,
                                        const caf::actor& orders) {
  auto terminator = caf::actor_cast<caf::actor>(current_sender());
  if (!terminator)
    return make_error(errc::bad_payload, "a runner joins without a handle");
  auto i = expected_->by_number.find(id);
  if (i == expected_->by_number.end())
    return make_error(errc::backend_failed,
                      fmt::format("no runner of the number {} is expected: "
                                  "it was given up, or has joined before",
                                  id));
  i->second.node = terminator.node();
  return delegate(i->second.handle, join_atom::value, std::move(hello),
                  terminator, orders);
}

void gateway::forget(std::uint64_t id) {
  auto i = expected_->by_number.find(id);
  if (i == expected_->by_number.end())
    return;
  // A runner in this process is no other node.
  if (auto& node = i->second.node; node && node != system().node())
    forget_node(system(), node);
  expected_->by_number.erase(i);
}

} // namespace flame::detail
