#include "live/bus.hpp"

#include <map>
#include <set>

#include <caf/all.hpp>

namespace studio {

namespace {

struct hub_state {
  std::map<std::string, std::set<caf::actor>> subscribers;
};

caf::behavior hub(caf::stateful_actor<hub_state>* self) {
  self->set_down_handler([self](const caf::down_msg& down) {
    for (auto& [topic, subscribers] : self->state.subscribers)
      std::erase_if(subscribers, [&](const caf::actor& each) {
        return each.address() == down.source;
      });
  });
  return {
    [self](caf::subscribe_atom, const std::string& topic,
           const caf::actor& who) {
      if (self->state.subscribers[topic].insert(who).second)
        self->monitor(who);
    },
    [self](caf::publish_atom, const std::string& topic,
           const live_event& what) {
      auto message = caf::make_message(caf::publish_atom::value, topic, what);
      for (auto& each : self->state.subscribers[topic])
        self->send(each, message);
    },
  };
}

} // namespace

bus::bus(caf::actor_system& system) : hub_(system.spawn(hub)) {
  // nop
}

void bus::subscribe(const caf::actor& who, const std::string& topic) const {
  caf::anon_send(hub_, caf::subscribe_atom::value, topic, who);
}

void bus::publish(const std::string& topic, live_event what) const {
  caf::anon_send(hub_, caf::publish_atom::value, topic, std::move(what));
}

} // namespace studio
