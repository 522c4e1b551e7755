#include "slot_table.hpp"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

namespace flame::detail {

namespace {

using lane_list = std::vector<std::unique_ptr<lane>>;

std::unique_ptr<lane> pop(lane_list& from) {
  if (from.empty())
    return nullptr;
  auto result = std::move(from.back());
  from.pop_back();
  return result;
}

} // namespace

std::unique_ptr<lane> idle_lanes::take(isolation served_by,
                                       bool wants_watched) {
  auto kind = static_cast<std::size_t>(served_by);
  auto& first = wants_watched ? watched_[kind] : plain_[kind];
  auto& second = wants_watched ? plain_[kind] : watched_[kind];
  return pop(first.empty() ? second : first);
}

void idle_lanes::put(lane_ptr returned) {
  auto kind = static_cast<std::size_t>(returned->served_by());
  auto& lanes = returned->is_watched() ? watched_[kind] : plain_[kind];
  lanes.push_back(std::move(returned));
}

std::unique_ptr<lane> idle_lanes::take_surplus(std::size_t room) {
  lane_list* longest = nullptr;
  std::size_t count = 0;
  for (auto* lists : {plain_, watched_})
    for (std::size_t kind = 0; kind < kinds; ++kind) {
      count += lists[kind].size();
      if (!longest || lists[kind].size() > longest->size())
        longest = &lists[kind];
    }
  return count > room ? pop(*longest) : nullptr;
}

std::vector<std::unique_ptr<lane>> idle_lanes::take_all() {
  lane_list result;
  for (auto* lists : {plain_, watched_})
    for (std::size_t kind = 0; kind < kinds; ++kind) {
      std::ranges::move(lists[kind], std::back_inserter(result));
      lists[kind].clear();
    }
  return result;
}

slot_table::slot_table(std::size_t max_queue, std::function<void()> on_demand,
                       std::function<time_point()> now)
  : max_queue_(max_queue),
    on_demand_(std::move(on_demand)),
    now_(std::move(now)) {
  // nop
}

// -- for callers --------------------------------------------------------------

slot_table::outcome slot_table::acquire(slot_holder& holder,
                                        bool wants_watched) {
  std::unique_lock guard{mutex_};
  if (closed_) {
    holder.loss_ = closed_;
    return outcome::refused;
  }
  if (queue_.empty()) {
    if (auto* runner = least_loaded()) {
      lane_list closing;
      grant(holder, *runner, wants_watched);
      closing.swap(surplus_);
      guard.unlock();
      return outcome::granted;
    }
  }
  if (queue_.size() >= max_queue_) {
    holder.loss_ = std::make_shared<const loss>(
      loss{errc::queue_full,
           fmt::format("{} callers wait for a slot already: raise max_queue or "
                       "max, or call less often",
                       queue_.size()),
           {}});
    return outcome::refused;
  }
  queue_.push_back(holder);
  holder.state_ = slot_holder::state::queued;
  if (!std::exchange(demand_told_, true)) {
    guard.unlock();
    on_demand_();
  }
  return outcome::queued;
}

slot_holder::state slot_table::state_of(const slot_holder& holder) const {
  std::lock_guard guard{mutex_};
  return holder.state_;
}

loss_ptr slot_table::loss_of(const slot_holder& holder) const {
  std::lock_guard guard{mutex_};
  return holder.loss_;
}

bool slot_table::withdraw(slot_holder& holder) {
  std::lock_guard guard{mutex_};
  if (holder.state_ != slot_holder::state::queued)
    return false;
  queue_.erase(queue_.iterator_to(holder));
  holder.state_ = slot_holder::state::outside;
  return true;
}

void slot_table::release(slot_holder& holder, std::unique_ptr<lane> returned) {
  // Closing a lane is a system call: not under the mutex.
  std::unique_ptr<lane> surplus;
  lane_list closing;
  std::shared_ptr<runner_slots> keep_alive;
  std::lock_guard guard{mutex_};
  if (!holder.runner_)
    return;
  keep_alive = std::move(holder.runner_);
  auto& runner = *keep_alive;
  holder.state_ = slot_holder::state::outside;
  surplus = holder.lane_ ? std::move(holder.lane_) : std::move(returned);
  runner.holders_.erase(runner.holders_.iterator_to(holder));
  holder.has_lost_lane_ = false;
  if (std::exchange(holder.is_wedged_, false))
    --runner.wedged_;
  using state = runner_slots::state;
  if (runner.state_ == state::gone)
    return;
  // Here, where nobody can get the slot in between.
  if (runner.is_single_use)
    take_off(runner);
  if (runner.state_ == state::ready && !queue_.empty()) {
    auto& next = queue_.front();
    queue_.pop_front();
    next.state_ = slot_holder::state::holding;
    next.runner_ = keep_alive;
    if (surplus && surplus->served_by() == next.served_by_) {
      next.lane_ = std::move(surplus);
    } else {
      if (surplus)
        runner.lanes_.put(std::move(surplus));
      give_lane(next, runner, false);
      closing.swap(surplus_);
    }
    runner.holders_.push_back(next);
    next.granted();
    return;
  }
  if (runner.state_ == state::ready)
    unfile(runner);
  --runner.in_use_;
  --in_use_;
  if (runner.in_use_ == 0)
    runner.idle_since_ = now_();
  if (runner.state_ == state::ready) {
    if (surplus)
      runner.lanes_.put(std::move(surplus));
    file(runner);
  } else {
    tell_if_vacant(runner);
  }
}

void slot_table::transfer(slot_holder& from, slot_holder& to) {
  std::lock_guard guard{mutex_};
  to.runner_ = std::move(from.runner_);
  to.lane_ = std::move(from.lane_);
  to.loss_ = std::move(from.loss_);
  to.served_by_ = from.served_by_;
  to.state_ = std::exchange(from.state_, slot_holder::state::outside);
  auto& holders = to.runner_->holders_;
  holders.insert(holders.erase(holders.iterator_to(from)), to);
  if (to.state_ == slot_holder::state::lost)
    to.failed();
}

void slot_table::report_closed_lane(slot_holder& holder) {
  std::lock_guard guard{mutex_};
  auto& runner = *holder.runner_;
  if (runner.state_ == runner_slots::state::gone)
    return;
  holder.has_lost_lane_ = true;
  if (runner.state_ == runner_slots::state::ready) {
    unfile(runner);
    runner.state_ = runner_slots::state::suspect;
  }
  runner.on_suspect_();
}

void slot_table::clear_suspicion(runner_slots& runner, const loss_ptr& why,
                                 const loss_ptr& why_of_workers) {
  lane_list closing;
  std::lock_guard guard{mutex_};
  using state = runner_slots::state;
  if (runner.state_ == state::gone)
    return;
  for (auto& holder : runner.holders_)
    if (std::exchange(holder.has_lost_lane_, false))
      fail(holder, slot_holder::state::lost,
           holder.served_by_ == isolation::process && why_of_workers
             ? why_of_workers
             : why);
  if (runner.state_ == state::suspect) {
    runner.state_ = state::ready;
    file(runner);
    serve_queue();
    closing.swap(surplus_);
  }
}

void slot_table::report_wedged(slot_holder& holder) {
  std::lock_guard guard{mutex_};
  auto& runner = *holder.runner_;
  using state = runner_slots::state;
  if (runner.state_ == state::gone || std::exchange(holder.is_wedged_, true))
    return;
  if (runner.state_ == state::ready) {
    unfile(runner);
    runner.state_ = state::retired;
  }
  if (++runner.wedged_ == 1)
    runner.on_wedged_();
  tell_if_vacant(runner);
}

// -- for the pool and its runners ---------------------------------------------

void slot_table::add(const std::shared_ptr<runner_slots>& runner) {
  lane_list closing;
  std::lock_guard guard{mutex_};
  if (by_load_.size() < runner->capacity)
    by_load_.resize(runner->capacity);
  runner->idle_since_ = now_();
  ++runners_;
  file(*runner);
  serve_queue();
  closing.swap(surplus_);
}

void slot_table::remove(runner_slots& runner, loss_ptr why) {
  lane_list closed;
  std::lock_guard guard{mutex_};
  using state = runner_slots::state;
  if (runner.state_ == state::gone)
    return;
  if (runner.state_ == state::ready)
    unfile(runner);
  runner.state_ = state::gone;
  in_use_ -= runner.in_use_;
  --runners_;
  closed = runner.lanes_.take_all();
  for (auto& holder : runner.holders_)
    fail(holder, slot_holder::state::lost, why);
}

bool slot_table::retire_if_idle(runner_slots& runner, time_point idle_before) {
  std::lock_guard guard{mutex_};
  if (runner.state_ != runner_slots::state::ready || runner.in_use_ > 0
      || runner.idle_since_ > idle_before)
    return false;
  unfile(runner);
  runner.state_ = runner_slots::state::retired;
  return true;
}

void slot_table::retire(runner_slots& runner) {
  std::lock_guard guard{mutex_};
  take_off(runner);
  tell_if_vacant(runner);
}

std::optional<time_point> slot_table::idle_since(
  const runner_slots& runner) const {
  std::lock_guard guard{mutex_};
  if (runner.in_use_ > 0)
    return std::nullopt;
  return runner.idle_since_;
}

std::size_t slot_table::take_demand() {
  std::lock_guard guard{mutex_};
  demand_told_ = false;
  return queue_.size();
}

void slot_table::fail_queue(const loss_ptr& why) {
  std::lock_guard guard{mutex_};
  fail_all_queued(why);
}

void slot_table::close(loss_ptr why) {
  std::lock_guard guard{mutex_};
  closed_ = std::move(why);
  fail_all_queued(closed_);
}

slot_table::counts slot_table::count() const {
  std::lock_guard guard{mutex_};
  return {queue_.size(), in_use_, runners_};
}

std::size_t slot_table::in_use(const runner_slots& runner) const {
  std::lock_guard guard{mutex_};
  return runner.in_use_;
}

// -- with the mutex held ------------------------------------------------------

void slot_table::grant(slot_holder& holder, runner_slots& runner,
                       bool wants_watched) {
  unfile(runner);
  ++runner.in_use_;
  ++in_use_;
  file(runner);
  holder.state_ = slot_holder::state::holding;
  holder.runner_ = runner.shared_from_this();
  give_lane(holder, runner, wants_watched);
  runner.holders_.push_back(holder);
}

/// Where there is none of the kind asked for, the holder will open one, and one
/// of another kind gives way to it.
void slot_table::give_lane(slot_holder& holder, runner_slots& runner,
                           bool wants_watched) {
  holder.lane_ = runner.lanes_.take(holder.served_by_, wants_watched);
  if (auto other = runner.lanes_.take_surplus(runner.capacity - runner.in_use_))
    surplus_.push_back(std::move(other));
}

void slot_table::serve_queue() {
  while (!queue_.empty()) {
    auto* runner = least_loaded();
    if (!runner)
      return;
    auto& next = queue_.front();
    queue_.pop_front();
    grant(next, *runner, false);
    next.granted();
  }
}

runner_slots* slot_table::least_loaded() {
  while (lowest_ < by_load_.size() && by_load_[lowest_].empty())
    ++lowest_;
  return lowest_ < by_load_.size() ? &by_load_[lowest_].front() : nullptr;
}

void slot_table::file(runner_slots& runner) {
  if (runner.in_use_ >= runner.capacity)
    return;
  by_load_[runner.in_use_].push_front(runner);
  lowest_ = std::min(lowest_, runner.in_use_);
}

void slot_table::unfile(runner_slots& runner) {
  if (runner.in_use_ >= runner.capacity)
    return;
  auto& from = by_load_[runner.in_use_];
  from.erase(from.iterator_to(runner));
}

/// From now on it gets no work.
void slot_table::take_off(runner_slots& runner) {
  using state = runner_slots::state;
  if (runner.state_ == state::ready)
    unfile(runner);
  if (runner.state_ == state::ready || runner.state_ == state::suspect)
    runner.state_ = state::retired;
}

void slot_table::tell_if_vacant(runner_slots& runner) {
  if (runner.state_ == runner_slots::state::retired
      && runner.in_use_ == runner.wedged_)
    runner.on_vacant_();
}

void slot_table::fail(slot_holder& holder, slot_holder::state state,
                      const loss_ptr& why) {
  holder.state_ = state;
  holder.loss_ = why;
  holder.failed();
}

void slot_table::fail_all_queued(const loss_ptr& why) {
  while (!queue_.empty()) {
    auto& holder = queue_.front();
    queue_.pop_front();
    fail(holder, slot_holder::state::refused, why);
  }
}

} // namespace flame::detail
