#include "handles.hpp"

#include <caf/io/basp_broker.hpp>
#include <caf/io/middleman.hpp>
#include <caf/monitorable_actor.hpp>

namespace flame::detail {

namespace {

/// Stands on the parent for an actor of one runner, towards another runner.
/// Passes messages on with their sender, and ends with the actor, never before:
/// what tells the relay to exit, or that a linked actor ended, is for the actor
/// to act on.
class relay final : public caf::monitorable_actor {
public:
  relay(caf::actor_config& cfg, caf::strong_actor_ptr target)
    : monitorable_actor(cfg),
      target_(std::move(target)) {
    // nop
  }

  void enqueue(caf::mailbox_element_ptr what,
               caf::execution_unit* host) override {
    target_->enqueue(std::move(what), host);
  }

  bool has_ended() const {
    return getf(is_terminated_flag);
  }

private:
  caf::strong_actor_ptr target_;
};

caf::strong_actor_ptr spawn_relay(caf::actor_system& system,
                                  const caf::strong_actor_ptr& target) {
  caf::actor_config cfg;
  auto result = caf::make_actor<relay, caf::strong_actor_ptr>(
    system.next_actor_id(), system.node(), &system, cfg, target);
  // Keeps the relay for as long as its target lives.
  target->get()->attach_functor([result](const caf::error& reason) {
    static_cast<relay*>(result->get())->cleanup(caf::error{reason}, nullptr);
  });
  return result;
}

} // namespace

system_handles::system_handles(caf::actor_system& system, bool is_parent)
  : system_(system),
    is_parent_(is_parent),
    unit_(&system) {
  if (!system.has_middleman())
    return;
  auto broker =
    system.middleman().named_broker<caf::io::basp_broker>(caf::atom("BASP"));
  auto* basp = static_cast<caf::io::basp_broker*>(
    caf::actor_cast<caf::abstract_actor*>(broker));
  unit_.proxy_registry_ptr(basp->proxy_registry_ptr());
}

caf::execution_unit* system_handles::unit() {
  return &unit_;
}

caf::strong_actor_ptr system_handles::outgoing(caf::strong_actor_ptr handle) {
  if (!is_parent_ || !handle || handle->node() == system_.node())
    return handle;
  std::lock_guard guard{mutex_};
  std::erase_if(relays_, [](const auto& entry) {
    return !caf::actor_cast<caf::strong_actor_ptr>(entry.second);
  });
  auto& known = relays_[{handle->node(), handle->id()}];
  if (auto held = caf::actor_cast<caf::strong_actor_ptr>(known);
      held && !static_cast<relay*>(held->get())->has_ended())
    return held;
  auto made = spawn_relay(system_, handle);
  known = caf::actor_cast<caf::weak_actor_ptr>(made);
  return made;
}

caf::strong_actor_ptr system_handles::own_actor(const caf::node_id& node,
                                                caf::actor_id id) {
  return node == system_.node() ? system_.registry().get(id) : nullptr;
}

} // namespace flame::detail
