/// Topics: actors subscribe to them, and whoever has news publishes it, on the
/// parent as on its runners.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <caf/actor_cast.hpp>
#include <caf/actor_control_block.hpp>

#include "flame/detail/caf.hpp"
#include "flame/detail/closure.hpp"
#include "flame/detail/export.hpp"
#include "flame/detail/publication.hpp"
#include "flame/fwd.hpp"

namespace flame {

/// The topics of the parent and its runners, seen from one of them:
/// `node::pubsub` or `this_pubsub` has it. Copies are the same. Once its node
/// has ended, nothing happens any more.
///
/// A topic is any string, and is there while it has subscribers. A subscriber
/// is an actor, which gets what is published as an ordinary message, from
/// nobody: `(caf::publish_atom, topic, values...)`.
///
///     caf::behavior tab(caf::event_based_actor* self) {
///       flame::this_pubsub().subscribe(self, "upload:7");
///       return {
///         [](caf::publish_atom, const std::string& topic, int percent) {
///           ...
///         },
///       };
///     }
///
///     // anywhere, also in a function on a runner
///     flame::this_pubsub().publish("upload:7", 40);
///
/// What one publisher publishes arrives in its order, and at most once: nothing
/// is kept for those who subscribe later, and what is on its way to or from a
/// runner is lost with that. A publication crosses the connection to a runner
/// once, however many subscribers are there. Nobody waits for slow subscribers:
/// their mailboxes grow.
///
/// Thread-safe. Nothing blocks, so that actors may use it as well.
class FLAME_EXPORT pubsub {
public:
  /// Subscribes an actor until it ends or unsubscribes. Has no effect if it is
  /// subscribed already, or has ended.
  ///
  /// Until then, the actor lives although nobody else refers to it.
  ///
  /// What is published on this node from now on arrives, and so does what is
  /// published elsewhere by those who have heard of it by a message that an
  /// actor of this node has sent since.
  ///
  /// @param self a handle that is not null, `caf::scoped_actor`, or `this` of
  ///        an actor. One of a runner is subscribed there, a little later
  /// @param topic any string
  template <class Actor>
  void subscribe(const Actor& self, std::string_view topic) const {
    subscribe_to(caf::actor_cast<caf::strong_actor_ptr>(self), topic);
  }

  /// Ends a subscription, if there is one. What is being published by others
  /// may still arrive.
  /// @param self,topic as for `subscribe`
  template <class Actor>
  void unsubscribe(const Actor& self, std::string_view topic) const {
    unsubscribe_from(caf::actor_cast<caf::strong_actor_ptr>(self), topic);
  }

  /// Sends `values` to all subscribers of a topic, on the parent and all of its
  /// runners. Succeeds if there are none.
  ///
  /// @param topic any string
  /// @param values what can be both an argument of a call and part of a message
  ///        of CAF: numbers, text, containers, types with `inspect`. They need
  ///        not be announced to an actor system. Actor handles, too; on the
  ///        runners beside that of such an actor, they are not told of its end
  /// @throws call_error `bad_payload`: a value cannot be encoded, where it must
  ///         be; `message_too_large`: more than 64 MiB for another node. Nobody
  ///         gets anything then
  template <class... Ts>
  void publish(std::string_view topic, Ts&&... values) const {
    if constexpr ((detail::check_argument<detail::wire_t<Ts>>() && ...)) {
      using type = detail::publication_of<detail::wire_t<Ts>...>;
      typename type::values held{std::forward<Ts>(values)...};
      send({
        topic,
        type::registrar,
        [&held](detail::writer& to) {
          type::write(to, held);
        },
        [&held, topic] {
          return type::take(std::string{topic}, std::move(held));
        },
      });
    }
  }

  /// How many subscribers this node knows: its own actors, and on the parent
  /// one more for each runner that has some.
  std::size_t subscribers(std::string_view topic) const;

  /// @private
  explicit pubsub(std::shared_ptr<detail::pubsub_broker> broker) noexcept;

private:
  void subscribe_to(const caf::strong_actor_ptr& who,
                    std::string_view topic) const;
  void unsubscribe_from(const caf::strong_actor_ptr& who,
                        std::string_view topic) const;
  void send(const detail::publication& what) const;

  std::shared_ptr<detail::pubsub_broker> broker_;
};

/// The topics, wherever this is called: in the parent, in a runner, in a
/// function or an actor on one. Thread-safe.
/// @throws call_error `invalid_configuration` where this process has no node: in
///         a call with `isolation: process`, which has no actors
FLAME_EXPORT pubsub this_pubsub();

} // namespace flame
