#include "terminator.hpp"

#include <unistd.h>

#include "child_orders.hpp"
#include "inline_actor.hpp"
#include "timers.hpp"

namespace flame::detail {

terminator::terminator(caf::actor_config& cfg, welcome self_info,
                       caf::actor gateway, std::shared_ptr<children> placed,
                       callbacks calls)
  : event_based_actor(cfg),
    welcome_(std::move(self_info)),
    gateway_(std::move(gateway)),
    children_(std::move(placed)),
    calls_(std::move(calls)),
    orders_(spawn_child_orders(system(), children_)) {
  // nop
}

const char* terminator::name() const {
  return "flame.terminator";
}

void terminator::on_exit() {
  end_inline_actor(orders_);
  orders_ = nullptr;
  gateway_ = nullptr;
}

caf::behavior terminator::make_behavior() {
  set_down_handler([this](const caf::down_msg&) {
    calls_.on_parent_gone();
    quit();
  });
  if ((welcome_.signs & by_monitor) != 0)
    monitor(gateway_);
  return {
    // From this process: the program has started.
    [this](join_atom) {
      join();
    },
    // From this process: only the parent knows what is on its way here.
    [this](leave_atom) {
      send(gateway_, drain_atom::value, welcome_.id);
    },
    // From the parent: whether this runner is there.
    [](wait_atom) {
      // The answer is all.
    },
    // From the parent.
    [this](drain_atom) {
      children_->stop();
      calls_.on_drain();
    },
    [this](stop_atom) {
      children_->stop();
      calls_.on_stop();
      quit();
    },
  };
}

void terminator::join() {
  hello mine{::getpid(), thunk_modules()};
  request(gateway_, request_timeout(welcome_.boot_timeout), join_atom::value,
          welcome_.id, to_bytes(mine), orders_)
    .then(
      [this] {
        calls_.on_joined();
      },
      [this](caf::error& why) {
        calls_.on_refused(why);
      });
}

} // namespace flame::detail
