#include "flame/pubsub.hpp"

#include "flame/error.hpp"
#include "flame/node.hpp"
#include "node_impl.hpp"
#include "pubsub_broker.hpp"

namespace flame {

pubsub::pubsub(std::shared_ptr<detail::pubsub_broker> broker) noexcept
  : broker_(std::move(broker)) {
  // nop
}

void pubsub::subscribe_to(const caf::strong_actor_ptr& who,
                          std::string_view topic) const {
  broker_->subscribe(who, topic);
}

void pubsub::unsubscribe_from(const caf::strong_actor_ptr& who,
                              std::string_view topic) const {
  broker_->unsubscribe(who, topic);
}

void pubsub::send(const detail::publication& what) const {
  broker_->publish(what);
}

std::size_t pubsub::subscribers(std::string_view topic) const {
  return broker_->subscribers(topic);
}

pubsub node::pubsub() const {
  return flame::pubsub{impl_->bus};
}

pubsub this_pubsub() {
  if (auto* self = this_node())
    return self->pubsub();
  throw call_error{errc::invalid_configuration,
                   parent() ? "no topics here: a call with isolation: process "
                              "has no actors; what it has to say, it returns, "
                              "or sends as the items of a stream"
                            : "no topics here: this process has no node"};
}

} // namespace flame
