#include "child_news.hpp"

#include <caf/monitorable_actor.hpp>

namespace flame::detail {

namespace {

class child_news final : public caf::monitorable_actor {
public:
  child_news(caf::actor_config& cfg, std::shared_ptr<placements> placed)
    : monitorable_actor(cfg),
      placed_(std::move(placed)) {
    // nop
  }

  void enqueue(caf::mailbox_element_ptr what,
               caf::execution_unit* host) override {
    if (handle_system_message(*what, host, false))
      return;
    auto& content = what->content();
    auto is = [&](caf::atom_value kind) {
      return content.get_as<caf::atom_value>(0) == kind;
    };
    if (content.match_elements<caf::atom_value, std::uint64_t, caf::actor>()
        && is(place_atom::value))
      placed_->started(content.get_as<std::uint64_t>(1),
                       content.get_as<caf::actor>(2));
    else if (content
               .match_elements<caf::atom_value, std::uint64_t, caf::error>()
             && is(place_atom::value))
      placed_->failed(content.get_as<std::uint64_t>(1),
                      content.get_as<caf::error>(2));
    else if (content.match_elements<caf::atom_value, std::uint64_t>()
             && is(ended_atom::value))
      placed_->ended(content.get_as<std::uint64_t>(1));
  }

private:
  std::shared_ptr<placements> placed_;
};

} // namespace

caf::actor spawn_child_news(caf::actor_system& system,
                            std::shared_ptr<placements> placed) {
  caf::actor_config cfg;
  return caf::make_actor<child_news, caf::actor>(
    system.next_actor_id(), system.node(), &system, cfg, std::move(placed));
}

void end_child_news(const caf::actor& news) {
  auto* self = caf::actor_cast<caf::abstract_actor*>(news);
  static_cast<child_news*>(self)->cleanup(caf::exit_reason::user_shutdown,
                                          nullptr);
}

} // namespace flame::detail
