#include "pubsub_broker.hpp"

#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "failure.hpp"
#include "flame/error.hpp"
#include "inline_actor.hpp"
#include "logging.hpp"

namespace flame::detail {

namespace {

/// What goes to other nodes shares a connection with all that is about life and
/// death there.
constexpr std::size_t max_bytes = std::size_t{64} * 1024 * 1024;

void pass(const caf::strong_actor_ptr& whom, const caf::message& what) {
  whom->enqueue(nullptr, caf::make_message_id(), what, nullptr);
}

void pass(const caf::actor& whom, const caf::message& what) {
  whom->enqueue(nullptr, caf::make_message_id(), what, nullptr);
}

/// Takes the one out that is there.
template <class T, class Key, class Projection>
T take(std::vector<T>& all, const Key& key, Projection projection) {
  auto which = std::ranges::find(all, key, projection);
  auto result = std::move(*which);
  all.erase(which);
  return result;
}

} // namespace

// -- beginning and end --------------------------------------------------------

std::shared_ptr<pubsub_broker> pubsub_broker::make(
  caf::actor_system& system, std::shared_ptr<codec_context> handles) {
  auto result = std::make_shared<pubsub_broker>(system, std::move(handles));
  result->open();
  return result;
}

pubsub_broker::pubsub_broker(caf::actor_system& system,
                             std::shared_ptr<codec_context> handles)
  : system_(system),
    handles_(std::move(handles)) {
  // nop
}

void pubsub_broker::open() {
  address_ =
    spawn_inline_actor(system_, [weak = weak_from_this()](caf::message& what) {
      if (auto self = weak.lock())
        self->handle(what);
    });
  system_.registry().put(address_.id(),
                         caf::actor_cast<caf::strong_actor_ptr>(address_));
}

void pubsub_broker::connect(caf::actor parent, std::uint64_t runner) {
  std::lock_guard guard{mutex_};
  own_number_ = runner;
  parent_ = std::move(parent);
  caf::anon_send(parent_, join_atom::value, runner, address_);
}

void pubsub_broker::close() {
  topic_map topics;
  std::unordered_map<std::uint64_t, runner_interest> runners;
  caf::actor parent;
  {
    std::lock_guard guard{mutex_};
    if (is_closed_.exchange(true))
      return;
    topics.swap(topics_);
    runners.swap(runners_);
    std::swap(parent, parent_);
    subscribers_.clear();
  }
  end_inline_actor(address_);
}

// -- this node ----------------------------------------------------------------

void pubsub_broker::subscribe(const subscriber& who, std::string_view topic) {
  if (!who || is_closed_)
    return;
  if (auto home = home_of(who)) {
    caf::anon_send(home, caf::subscribe_atom::value, who, std::string{topic});
    return;
  }
  // Without the mutex: an actor that has ended says so at once.
  if (subscribe_here(who, topic))
    who->get()->attach_functor([weak = weak_from_this(), key = who.get()] {
      if (auto self = weak.lock())
        self->ended(key);
    });
}

/// @returns whether its end must be watched from now on
bool pubsub_broker::subscribe_here(const subscriber& who,
                                   std::string_view topic) {
  std::lock_guard guard{mutex_};
  if (is_closed_)
    return false;
  auto [known, is_first] = subscribers_.try_emplace(
    who.get(), subscriptions{caf::actor_cast<caf::weak_actor_ptr>(who)});
  auto& entry = entry_of(topic);
  if (known->second.topics.insert(&entry).second) {
    auto& here = entry.second.here.change();
    here.push_back(who);
    // With the mutex, so that the parent hears of it in the right order.
    if (here.size() == 1 && parent_)
      caf::anon_send(parent_, caf::subscribe_atom::value, own_number_,
                     entry.first);
  }
  return is_first;
}

void pubsub_broker::unsubscribe(const subscriber& who, std::string_view topic) {
  if (!who || is_closed_)
    return;
  if (auto home = home_of(who)) {
    caf::anon_send(home, caf::unsubscribe_atom::value, who, std::string{topic});
    return;
  }
  subscriber released;
  std::lock_guard guard{mutex_};
  auto entry = topics_.find(topic);
  auto known = subscribers_.find(who.get());
  if (entry != topics_.end() && known != subscribers_.end()
      && known->second.topics.erase(&*entry) > 0)
    released = remove(*entry, who.get());
}

void pubsub_broker::ended(const caf::actor_control_block* who) {
  std::vector<subscriber> released;
  std::lock_guard guard{mutex_};
  auto known = subscribers_.find(who);
  if (known == subscribers_.end())
    return;
  for (auto* entry : known->second.topics)
    released.push_back(remove(*entry, who));
  subscribers_.erase(known);
}

void pubsub_broker::publish(const publication& what) {
  if (is_closed_)
    return;
  auto to = audience_of(what.topic);
  // First of all: it may fail.
  caf::message whole;
  if (to.is_elsewhere())
    whole = caf::make_message(caf::publish_atom::value, own_number_,
                              std::string{what.topic}, encoded(what));
  if (!to.here.all().empty()) {
    auto message = what.take();
    for (auto& each : to.here.all())
      pass(each, message);
  }
  for (auto& each : to.runners.all())
    pass(each.broker, whole);
  if (to.parent)
    pass(to.parent, whole);
}

std::size_t pubsub_broker::subscribers(std::string_view topic) const {
  auto all = audience_of(topic);
  return all.here.all().size() + all.runners.all().size();
}

std::size_t pubsub_broker::topics() const {
  std::lock_guard guard{mutex_};
  return topics_.size();
}

pubsub_broker::audience pubsub_broker::audience_of(
  std::string_view topic) const {
  audience result;
  std::lock_guard guard{mutex_};
  result.parent = parent_;
  if (auto entry = topics_.find(topic); entry != topics_.end()) {
    result.here = entry->second.here;
    result.runners = entry->second.runners;
  }
  return result;
}

// -- other nodes --------------------------------------------------------------

void pubsub_broker::handle(caf::message& what) {
  what.apply({
    [&](caf::publish_atom, std::uint64_t from, const std::string& topic,
        const std::vector<char>& bytes) {
      received(from, topic, bytes, what);
    },
    [&](join_atom, std::uint64_t id, const caf::actor& broker) {
      joined(id, broker);
    },
    [&](caf::subscribe_atom, std::uint64_t id, const std::string& topic) {
      runner_subscribes(id, topic);
    },
    [&](caf::unsubscribe_atom, std::uint64_t id, const std::string& topic) {
      runner_unsubscribes(id, topic);
    },
    [&](caf::subscribe_atom, const caf::strong_actor_ptr& who,
        const std::string& topic) {
      subscribe(who, topic);
    },
    [&](caf::unsubscribe_atom, const caf::strong_actor_ptr& who,
        const std::string& topic) {
      unsubscribe(who, topic);
    },
  });
}

void pubsub_broker::joined(std::uint64_t id, const caf::actor& broker) {
  {
    std::lock_guard guard{mutex_};
    if (is_closed_)
      return;
    runners_.try_emplace(id, runner_interest{broker});
  }
  // Without the mutex: a runner that is lost already says so at once.
  broker->attach_functor([weak = weak_from_this(), id] {
    if (auto self = weak.lock())
      self->lost(id);
  });
}

void pubsub_broker::lost(std::uint64_t id) {
  std::vector<caf::actor> released;
  std::lock_guard guard{mutex_};
  auto known = runners_.find(id);
  if (known == runners_.end())
    return;
  for (auto* entry : known->second.topics)
    released.push_back(remove(*entry, id));
  released.push_back(std::move(known->second.broker));
  runners_.erase(known);
}

void pubsub_broker::runner_subscribes(std::uint64_t id,
                                      const std::string& topic) {
  std::lock_guard guard{mutex_};
  auto known = runners_.find(id);
  if (known == runners_.end())
    return;
  auto& entry = entry_of(topic);
  if (known->second.topics.insert(&entry).second)
    entry.second.runners.change().push_back(runner{id, known->second.broker});
}

void pubsub_broker::runner_unsubscribes(std::uint64_t id,
                                        const std::string& topic) {
  caf::actor released;
  std::lock_guard guard{mutex_};
  auto known = runners_.find(id);
  auto entry = topics_.find(topic);
  if (known != runners_.end() && entry != topics_.end()
      && known->second.topics.erase(&*entry) > 0)
    released = remove(*entry, id);
}

void pubsub_broker::received(std::uint64_t from, const std::string& topic,
                             const std::vector<char>& bytes,
                             const caf::message& whole) {
  auto to = audience_of(topic);
  for (auto& each : to.runners.all())
    if (each.id != from)
      pass(each.broker, whole);
  if (to.here.all().empty())
    return;
  try {
    auto what = decoded(topic, bytes);
    for (auto& each : to.here.all())
      pass(each, what);
  } catch (...) {
    log().error("publication is lost topic={} {}", topic,
                describe_current_exception().message);
  }
}

/// Where an actor of another node is subscribed; null for one of this node, and
/// of a node that has no broker.
caf::actor pubsub_broker::home_of(const subscriber& who) const {
  if (who->node() == system_.node())
    return {};
  std::lock_guard guard{mutex_};
  if (parent_)
    return parent_;
  for (auto& [id, each] : runners_)
    if (each.broker.node() == who->node())
      return each.broker;
  return {};
}

std::vector<char> pubsub_broker::encoded(const publication& what) const {
  buffer bytes;
  writer to{bytes, handles_.get()};
  auto token = what.type.token();
  to.raw(&token, sizeof(token));
  what.write(to);
  if (bytes.size() > max_bytes)
    throw call_error{errc::message_too_large,
                     fmt::format("cannot publish {} bytes to {}: no more than "
                                 "{} go to another node",
                                 bytes.size(), what.topic, max_bytes)};
  auto* begin = reinterpret_cast<const char*>(bytes.data());
  return {begin, begin + bytes.size()};
}

caf::message pubsub_broker::decoded(const std::string& topic,
                                    const std::vector<char>& bytes) const {
  reader from{std::as_bytes(std::span{bytes}), handles_.get()};
  thunk_token token{};
  from.raw(&token, sizeof(token));
  auto* type = find_thunk(token);
  if (!type || type->kind != thunk_kind::publication)
    throw call_error{errc::unknown_function,
                     "its type is of a module that this node has not loaded"};
  return reinterpret_cast<publication_entry>(type->entry)(topic, from);
}

// -- the table ----------------------------------------------------------------

pubsub_broker::topic_entry& pubsub_broker::entry_of(std::string_view topic) {
  auto found = topics_.find(topic);
  return found != topics_.end()
           ? *found
           : *topics_.try_emplace(std::string{topic}).first;
}

pubsub_broker::subscriber pubsub_broker::remove(
  topic_entry& from, const caf::actor_control_block* who) {
  auto& here = from.second.here.change();
  auto result = take(here, who, &subscriber::get);
  if (here.empty() && parent_)
    caf::anon_send(parent_, caf::unsubscribe_atom::value, own_number_,
                   from.first);
  drop_if_unused(from);
  return result;
}

caf::actor pubsub_broker::remove(topic_entry& from, std::uint64_t runner_id) {
  auto result = take(from.second.runners.change(), runner_id, &runner::id);
  drop_if_unused(from);
  return std::move(result.broker);
}

void pubsub_broker::drop_if_unused(topic_entry& entry) {
  if (entry.second.here.all().empty() && entry.second.runners.all().empty())
    topics_.erase(topics_.find(entry.first));
}

} // namespace flame::detail
