#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <caf/intrusive_cow_ptr.hpp>

#include "flame/codec.hpp"
#include "flame/detail/caf.hpp"
#include "flame/detail/publication.hpp"

namespace flame::detail {

/// A list that is handed out as it is: whoever changes it makes a copy, if
/// somebody still reads.
template <class T>
class shared_list {
public:
  using items = std::vector<T>;

  items& change() {
    if (!content_)
      content_ = caf::make_counted<content>();
    return content_.unshared().all;
  }

  const items& all() const noexcept {
    static const items none;
    return content_ ? content_->all : none;
  }

private:
  struct content final : caf::ref_counted {
    content* copy() const {
      return new content{*this};
    }

    items all;
  };

  /// Null while nothing has been in it.
  caf::intrusive_cow_ptr<content> content_;
};

/// The topics of a node, for its own actors and, on the parent, for its runners.
/// Thread-safe.
///
/// Publishers deliver themselves: they take the list of subscribers under a
/// mutex, and send without it. Only what concerns other nodes goes through an
/// actor, which is not scheduled: what it is told holds before the next message
/// of the same connection is seen. It has no state and runs no code of users but
/// `inspect`, and no exit message ends it: there is nothing to supervise.
///
/// A runner's broker says to the parent's what its node has subscribers for, and
/// sends it all that is published there. Each broker understands:
///
///     (join_atom, runner, broker)                  to the parent
///     (subscribe_atom, runner, topic)              to the parent
///     (unsubscribe_atom, runner, topic)            to the parent
///     (publish_atom, runner, topic, bytes)         both ways
///     (subscribe_atom, actor, topic)               to the node of an actor
///     (unsubscribe_atom, actor, topic)             to the node of an actor
///
/// `runner` is the number of the runner that it comes from, 0 for the parent.
/// `bytes` is the token of a thunk and the values that it reads: encoded once,
/// by their publisher, who is told if that fails; the parent passes them on as
/// they are.
class pubsub_broker final : public std::enable_shared_from_this<pubsub_broker> {
public:
  using subscriber = caf::strong_actor_ptr;

  /// @param handles encode and decode what goes to other nodes
  static std::shared_ptr<pubsub_broker> make(
    caf::actor_system& system, std::shared_ptr<codec_context> handles);

  /// @private
  pubsub_broker(caf::actor_system& system,
                std::shared_ptr<codec_context> handles);

  /// @param who null: nobody
  void subscribe(const subscriber& who, std::string_view topic);
  void unsubscribe(const subscriber& who, std::string_view topic);

  /// @throws call_error see `pubsub::publish`
  void publish(const publication& what);

  std::size_t subscribers(std::string_view topic) const;

  /// How many there are.
  std::size_t topics() const;

  /// What other brokers speak to. Registered: handles to it are made of its
  /// number.
  const caf::actor& address() const noexcept {
    return address_;
  }

  /// Runner's side, before anybody subscribes or publishes.
  /// @param runner the number of this one
  void connect(caf::actor parent, std::uint64_t runner);

  /// Lets go of all subscribers. Nothing happens any more.
  void close();

private:
  struct runner {
    std::uint64_t id = 0;
    caf::actor broker = nullptr;
  };

  struct topic {
    shared_list<subscriber> here;
    shared_list<runner> runners;
  };

  struct hash {
    using is_transparent = void;

    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };

  using topic_map =
    std::unordered_map<std::string, topic, hash, std::equal_to<>>;
  using topic_entry = topic_map::value_type;

  /// What an actor of this node is subscribed to. Stays, once it is there,
  /// until the actor has ended.
  struct subscriptions {
    /// So that no other actor comes to have the address.
    caf::weak_actor_ptr who;
    std::unordered_set<topic_entry*> topics = {};
  };

  /// What a runner has subscribers for.
  struct runner_interest {
    caf::actor broker;
    std::unordered_set<topic_entry*> topics = {};
  };

  /// Who gets a publication.
  struct audience {
    shared_list<subscriber> here;
    shared_list<runner> runners;
    caf::actor parent;

    bool is_elsewhere() const noexcept {
      return parent || !runners.all().empty();
    }
  };

  void open();
  void handle(caf::message& what);
  void joined(std::uint64_t id, const caf::actor& broker);
  void lost(std::uint64_t id);
  void runner_subscribes(std::uint64_t id, const std::string& topic);
  void runner_unsubscribes(std::uint64_t id, const std::string& topic);
  void received(std::uint64_t from, const std::string& topic,
                const std::vector<char>& bytes, const caf::message& whole);
  bool subscribe_here(const subscriber& who, std::string_view topic);
  void ended(const caf::actor_control_block* who);
  audience audience_of(std::string_view topic) const;
  caf::actor home_of(const subscriber& who) const;
  std::vector<char> encoded(const publication& what) const;
  caf::message decoded(const std::string& topic,
                       const std::vector<char>& bytes) const;

  // With the mutex.
  topic_entry& entry_of(std::string_view topic);
  subscriber remove(topic_entry& from, const caf::actor_control_block* who);
  caf::actor remove(topic_entry& from, std::uint64_t runner);
  void drop_if_unused(topic_entry& entry);

  caf::actor_system& system_;
  const std::shared_ptr<codec_context> handles_;
  caf::actor address_;
  std::atomic<bool> is_closed_ = false;

  /// Handles are never given back with it: whoever gives back the last one to
  /// an actor ends that, and comes back here.
  mutable std::mutex mutex_;
  topic_map topics_;
  std::unordered_map<const caf::actor_control_block*, subscriptions>
    subscribers_;
  std::unordered_map<std::uint64_t, runner_interest> runners_;
  /// On a runner.
  caf::actor parent_;
  std::uint64_t own_number_ = 0;
};

} // namespace flame::detail
