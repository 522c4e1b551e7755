#include "inline_actor.hpp"

#include <caf/monitorable_actor.hpp>

namespace flame::detail {

namespace {

class inline_actor final : public caf::monitorable_actor {
public:
  inline_actor(caf::actor_config& cfg,
               std::function<void(caf::message&)> handle)
    : monitorable_actor(cfg),
      handle_(std::move(handle)) {
    // nop
  }

  void enqueue(caf::mailbox_element_ptr what,
               caf::execution_unit* host) override {
    if (handle_system_message(*what, host, true))
      return;
    auto content = what->move_content_to_message();
    if (!content.match_elements<caf::exit_msg>())
      handle_(content);
  }

private:
  std::function<void(caf::message&)> handle_;
};

} // namespace

caf::actor spawn_inline_actor(caf::actor_system& system,
                              std::function<void(caf::message&)> handle) {
  caf::actor_config cfg;
  return caf::make_actor<inline_actor, caf::actor>(
    system.next_actor_id(), system.node(), &system, cfg, std::move(handle));
}

void end_inline_actor(const caf::actor& which) {
  auto* self = caf::actor_cast<caf::abstract_actor*>(which);
  static_cast<inline_actor*>(self)->cleanup(caf::exit_reason::user_shutdown,
                                            nullptr);
}

} // namespace flame::detail
