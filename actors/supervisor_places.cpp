#include "supervisor_places.hpp"

#include <fmt/format.h>

namespace flame::detail {

namespace {

child_relay* relay_of(const caf::strong_actor_ptr& handle) {
  return static_cast<child_relay*>(handle->get());
}

/// CAF's own `bounce` tells a requester nothing but `request_receiver_down`.
void refuse(const caf::mailbox_element& what, const caf::error& why) {
  if (what.sender && what.mid.is_request())
    what.sender->enqueue(nullptr, what.mid.response_id(),
                         caf::make_message(why), nullptr);
}

} // namespace

child_relay::child_relay(caf::actor_config& cfg, std::string id,
                         child_ref_options options)
  : monitorable_actor(cfg),
    id_(std::move(id)),
    options_(options) {
  // nop
}

void child_relay::enqueue(caf::mailbox_element_ptr what,
                          caf::execution_unit* host) {
  caf::error problem;
  {
    std::unique_lock guard{mutex_};
    if (is_open_) {
      auto to = place_.present;
      guard.unlock();
      caf::actor_cast<caf::abstract_actor*>(to)->enqueue(std::move(what), host);
      return;
    }
    auto waits = place_.now == child_place::state::awaited
                 || place_.now == child_place::state::present;
    if (waits && options_.absent == when_absent::queue
        && queue_.size() < options_.max_queue) {
      queue_.push_back(std::move(what));
      held_ = ctrl();
      return;
    }
    problem = this->problem();
  }
  refuse(*what, problem);
}

/// With the mutex held.
caf::error child_relay::problem() const {
  switch (place_.now) {
    case child_place::state::closed:
      return make_error(
        errc::supervisor_ended,
        fmt::format("the supervisor of child {} has ended", id_));
    case child_place::state::empty:
      return make_error(
        errc::child_not_found,
        fmt::format("child {} does not run, and is not about to", id_));
    default:
      break;
  }
  if (options_.absent == when_absent::fail)
    return make_error(errc::child_restarting,
                      fmt::format("child {} does not run at the moment", id_));
  return make_error(
    errc::queue_full,
    fmt::format("{} messages wait for child {} (child_ref_options::max_queue)",
                queue_.size(), id_));
}

void child_relay::update(const child_place& place) {
  std::unique_lock guard{mutex_};
  place_ = place;
  is_open_ = false;
  switch (place.now) {
    case child_place::state::present: {
      guard.unlock();
      // Its end is known here before its supervisor has heard of it.
      place.present->attach_functor(
        [self = caf::weak_actor_ptr{ctrl()}, which = place.present.address()] {
          if (auto alive = caf::actor_cast<caf::strong_actor_ptr>(self))
            relay_of(alive)->lost(which);
        });
      guard.lock();
      pass_on_queued(guard);
      break;
    }
    case child_place::state::awaited:
      if (options_.absent == when_absent::fail)
        fail_queued(guard);
      break;
    default:
      fail_queued(guard);
      break;
  }
}

/// In order: while some are under way, what comes joins the queue.
void child_relay::pass_on_queued(std::unique_lock<std::mutex>& guard) {
  while (place_.present && !queue_.empty()) {
    auto to = place_.present;
    auto batch = std::exchange(queue_, {});
    guard.unlock();
    for (auto& each : batch)
      caf::actor_cast<caf::abstract_actor*>(to)->enqueue(std::move(each),
                                                         nullptr);
    guard.lock();
  }
  is_open_ = place_.present != nullptr;
  if (is_open_) {
    auto let_go = std::exchange(held_, nullptr);
    guard.unlock();
  }
}

void child_relay::fail_queued(std::unique_lock<std::mutex>& guard) {
  auto why = problem();
  auto failed = std::exchange(queue_, {});
  auto let_go = std::exchange(held_, nullptr);
  guard.unlock();
  for (auto& each : failed)
    refuse(*each, why);
}

void child_relay::lost(const caf::actor_addr& incarnation) {
  std::lock_guard guard{mutex_};
  if (!place_.present || place_.present.address() != incarnation)
    return;
  // Whether another one follows, its supervisor will say.
  place_.present = nullptr;
  is_open_ = false;
}

caf::actor child_relay::present() const {
  std::lock_guard guard{mutex_};
  return place_.present;
}

void child_relay::close(const caf::error& reason) {
  update({child_place::state::closed});
  cleanup(caf::error{reason}, nullptr);
}

void child_places::set(const std::string& id, child_place place) {
  std::vector<caf::strong_actor_ptr> relays;
  {
    std::lock_guard guard{mutex_};
    auto& known = entries_[id];
    known.place = place;
    std::erase_if(known.relays, [&](const caf::weak_actor_ptr& each) {
      auto alive = caf::actor_cast<caf::strong_actor_ptr>(each);
      if (alive)
        relays.push_back(alive);
      return !alive;
    });
    auto is_none = place.now == child_place::state::empty
                   || place.now == child_place::state::closed;
    if (is_none && relays.empty())
      entries_.erase(id);
  }
  for (auto& each : relays)
    relay_of(each)->update(place);
}

void child_places::close(const caf::error& reason) {
  decltype(entries_) all;
  {
    std::lock_guard guard{mutex_};
    is_closed_ = true;
    all.swap(entries_);
  }
  for (auto& [id, known] : all)
    for (auto& each : known.relays)
      if (auto alive = caf::actor_cast<caf::strong_actor_ptr>(each))
        relay_of(alive)->close(reason);
}

caf::actor child_places::refer_to(const std::string& id,
                                  const child_ref_options& options) {
  caf::actor_config cfg;
  auto made = caf::make_actor<child_relay, caf::strong_actor_ptr>(
    system_.next_actor_id(), system_.node(), &system_, cfg, id, options);
  std::lock_guard guard{mutex_};
  if (is_closed_) {
    relay_of(made)->close(caf::exit_reason::unknown);
    return caf::actor_cast<caf::actor>(made);
  }
  auto& known = entries_[id];
  std::erase_if(known.relays, [](const caf::weak_actor_ptr& each) {
    return !caf::actor_cast<caf::strong_actor_ptr>(each);
  });
  known.relays.push_back(caf::actor_cast<caf::weak_actor_ptr>(made));
  // With the mutex held, so that what follows comes after it.
  relay_of(made)->update(known.place);
  return caf::actor_cast<caf::actor>(made);
}

} // namespace flame::detail

namespace flame {

child_ref::child_ref(std::string id, caf::actor handle)
  : id_(std::move(id)),
    handle_(std::move(handle)) {
  // nop
}

caf::actor child_ref::now() const {
  if (!handle_)
    return nullptr;
  auto* relay = caf::actor_cast<caf::abstract_actor*>(handle_);
  return static_cast<detail::child_relay*>(relay)->present();
}

} // namespace flame
