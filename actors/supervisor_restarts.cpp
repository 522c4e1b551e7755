#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "supervisor_core.hpp"
#include "supervisor_messages.hpp"
#include "supervisor_registry.hpp"
#include "timing.hpp"

namespace flame::detail {

namespace {

/// How long the children of a lost runner may take to be known as lost: what
/// comes later counts as another loss.
constexpr auto loss_memory = std::chrono::minutes{1};

double seconds(duration time) {
  return std::chrono::duration<double>(time).count();
}

} // namespace

// -- restarts -----------------------------------------------------------------

/// @param is_crash whether it ran, so that its restart may begin at once: one
///        that follows a failed start leaves room for other messages first
void supervisor_core::restart_after(child_ptr child, const caf::error& reason,
                                    const std::string& lost_runner,
                                    bool is_crash) {
  enter(child, child_phase::waiting);
  if (!count_restart(lost_runner)) {
    auto text = fmt::format(
      "supervisor {} gave up on child {} ({}): more than {} restart{} within "
      "{:g} s (intensity, period)",
      options_.name, child->spec.id, text_of(reason), options_.intensity,
      options_.intensity == 1 ? "" : "s", seconds(options_.period));
    return end(make_error(errc::restart_intensity, std::move(text)));
  }
  auto delay = back_off(child);
  log_->warn("child is restarted supervisor={} child={} delay_ms={:.0f} "
             "reason={}",
             options_.name, child->spec.id, seconds(delay) * 1000,
             text_of(reason));
  switch (options_.strategy) {
    case strategy::one_for_one:
    case strategy::dynamic:
      return restart_alone(child, delay, is_crash);
    case strategy::one_for_all:
      return restart_from(children_.begin(), delay, is_crash);
    case strategy::rest_for_one:
      return restart_from(child, delay, is_crash);
  }
}

/// @returns false if there were too many
bool supervisor_core::count_restart(const std::string& lost_runner) {
  auto now = self_->clock().now();
  if (!lost_runner.empty()) {
    std::erase_if(lost_runners_, [&](const auto& entry) {
      return now - entry.second > loss_memory;
    });
    // The others that it took along were counted with the first.
    if (!lost_runners_.emplace(lost_runner, now).second)
      return true;
  }
  restarts_.push_back(now);
  while (now - restarts_.front() > options_.period)
    restarts_.pop_front();
  return restarts_.size() <= options_.intensity;
}

duration supervisor_core::back_off(child_ptr child) {
  if (options_.min_backoff <= duration{0})
    return duration{0};
  auto now = self_->clock().now();
  auto reset = options_.backoff_reset.value_or(options_.max_backoff);
  auto ran = std::exchange(child->running_since, time_point::max());
  if (ran != time_point::max() && now - ran >= reset)
    child->restarts = 0;
  auto factor = std::ldexp(1.0, static_cast<int>(child->restarts++));
  auto time =
    std::min(static_cast<double>(options_.max_backoff.count()),
             factor * static_cast<double>(options_.min_backoff.count()));
  std::uniform_real_distribution<double> part{0, options_.jitter};
  return duration{static_cast<duration::rep>(time * (1 + part(random_)))};
}

void supervisor_core::restart_alone(child_ptr child, duration delay,
                                    bool is_crash) {
  if (is_crash && delay <= duration{0})
    return start(child, start_cause::supervisor);
  auto ticket = children_.give_ticket(child);
  if (delay > duration{0})
    send_later(delay, wake_atom::value, ticket);
  else
    self_->send(self_, wake_atom::value, ticket);
}

void supervisor_core::wake(std::uint64_t ticket) {
  auto child = children_.find(ticket);
  if (child != children_.end() && child->phase == child_phase::waiting
      && !ending_)
    start(child, start_cause::supervisor);
}

/// Begins a sweep from this child, or from further left if one is under way that
/// has not come to an end there.
void supervisor_core::restart_from(child_ptr first, duration delay,
                                   bool is_crash) {
  auto from = first->order;
  if (sweep_ == sweep::stopping || sweep_ == sweep::pausing)
    from = std::min(from, sweep_first_);
  else if (sweep_ == sweep::starting && cursor_ != children_.end())
    from = std::min(from, cursor_->order);
  for (auto& each : children_)
    each.is_held = false;
  sweep_ = sweep::stopping;
  sweep_first_ = from;
  cursor_ = std::prev(children_.end());
  resume_at_ = self_->clock().now() + delay;
  pauses_ = !is_crash || delay > duration{0};
  advance();
}

/// Whether a sweep is about to stop this child.
bool supervisor_core::is_swept(child_ptr child) const {
  return sweep_ == sweep::stopping && child->order >= sweep_first_;
}

// -- sweeps -------------------------------------------------------------------

void supervisor_core::begin_starting() {
  sweep_ = sweep::starting;
  cursor_ = std::find_if(children_.begin(), children_.end(),
                         [&](const supervised_child& each) {
                           return each.order >= sweep_first_;
                         });
}

/// Goes on with a sweep as far as it gets. What it does may call this again.
void supervisor_core::advance() {
  if (is_advancing_) {
    advances_again_ = true;
    return;
  }
  is_advancing_ = true;
  do {
    advances_again_ = false;
    switch (sweep_) {
      case sweep::none:
        break;
      case sweep::stopping:
        advance_stopping();
        break;
      case sweep::pausing:
        break;
      case sweep::starting:
        advance_starting();
        break;
    }
  } while (advances_again_);
  is_advancing_ = false;
}

void supervisor_core::advance_stopping() {
  while (cursor_ != children_.end() && cursor_->order >= sweep_first_) {
    auto child = cursor_;
    if (!let_go(child))
      return;
    // It may be gone, and the cursor on its neighbour.
    if (cursor_ == child)
      cursor_ = child == children_.begin() ? children_.end() : std::prev(child);
  }
  if (ending_) {
    sweep_ = sweep::none;
    return leave_if_all_stopped();
  }
  advance_pausing();
}

/// @returns whether this child has no actor any more
bool supervisor_core::let_go(child_ptr child) {
  auto then = ending_ ? after_stop::stay : after_stop::wait;
  if (child->is_temporary())
    then = after_stop::forget;
  switch (child->phase) {
    case child_phase::stopping:
      child->then = std::max(child->then, then);
      return false;
    case child_phase::running:
      stop(child, then);
      return false;
    case child_phase::starting:
      if (child->handle) {
        stop(child, then);
        return false;
      }
      if (!ending_) {
        child->is_unwanted = true;
        child->then = then;
        return false;
      }
      // The pool cancels a placement whose supervisor has ended.
      answer_start(child, make_error(errc::supervisor_ended,
                                     "the supervisor is about to end"));
      break;
    default:
      break;
  }
  if (ending_)
    stand_down(child);
  else if (!child->is_held)
    enter(child, child_phase::waiting);
  return true;
}

void supervisor_core::advance_pausing() {
  sweep_ = sweep::pausing;
  auto left = resume_at_ - self_->clock().now();
  ++pause_;
  if (!pauses_)
    resume(pause_);
  else if (left > duration{0})
    send_later(left, resume_atom::value, pause_);
  else
    self_->send(self_, resume_atom::value, pause_);
}

void supervisor_core::resume(std::uint64_t number) {
  if (sweep_ != sweep::pausing || number != pause_)
    return;
  begin_starting();
  advance();
}

void supervisor_core::advance_starting() {
  while (cursor_ != children_.end()) {
    switch (cursor_->phase) {
      case child_phase::starting:
        return;
      case child_phase::waiting:
        start(cursor_, start_cause::supervisor);
        if (sweep_ != sweep::starting)
          return;
        break;
      default:
        ++cursor_;
        break;
    }
  }
  sweep_ = sweep::none;
  if (std::exchange(has_begun_, true))
    return;
  if (auto report = std::exchange(report_, nullptr))
    report->started(caf::actor{self_});
}

// -- the end ------------------------------------------------------------------

/// A significant child has ended for good.
void supervisor_core::end_for_significance() {
  auto is_left = [](const supervised_child& each) {
    return each.spec.significant && each.phase != child_phase::stopped;
  };
  switch (options_.auto_shutdown) {
    case auto_shutdown::never:
      return;
    case auto_shutdown::all_significant:
      if (std::any_of(children_.begin(), children_.end(), is_left))
        return;
      break;
    case auto_shutdown::any_significant:
      break;
  }
  end(caf::exit_reason::user_shutdown);
}

void supervisor_core::end(caf::error reason) {
  if (ending_)
    return;
  // As in OTP, an end that was asked for is no news.
  auto level = reason == caf::exit_reason::user_shutdown ? spdlog::level::debug
               : code_of(reason) == errc::restart_intensity
                 ? spdlog::level::err
                 : spdlog::level::info;
  log_->log(level, "supervisor ends supervisor={} reason={}", options_.name,
            text_of(reason));
  ending_ = std::move(reason);
  if (is_dynamic())
    return stop_all_at_once();
  sweep_ = sweep::stopping;
  sweep_first_ = 0;
  cursor_ = children_.empty() ? children_.end() : std::prev(children_.end());
  advance();
}

/// The children of a dynamic supervisor do not depend on each other.
void supervisor_core::stop_all_at_once() {
  sweep_ = sweep::none;
  auto then = after_stop::forget;
  for (auto i = children_.begin(); i != children_.end();) {
    auto child = i++;
    if (child->phase == child_phase::stopping)
      child->then = then;
    else if (child->handle)
      stop(child, then, false);
    else
      forget(child);
  }
  auto time = with_defaults(blueprint_).shutdown.value();
  if (time != brutal_kill && !is_endless(time))
    send_later(time, caf::make_message(kill_all_atom::value));
  leave_if_all_stopped();
}

void supervisor_core::kill_all() {
  for (auto& child : children_)
    if (child.handle)
      self_->send_exit(child.handle, caf::exit_reason::kill);
}

void supervisor_core::leave_if_all_stopped() {
  if (!ending_ || has_left_ || sweep_ != sweep::none || alive_ > 0)
    return;
  has_left_ = true;
  tell_all(make_error(errc::supervisor_ended, "the supervisor has ended"));
  kept_ = nullptr;
  self_->quit(*ending_);
}

/// The actor has ended, in whichever way.
void supervisor_core::cleaned_up() {
  supervisor_registry::instance().remove(self_->address());
  // It may have been killed.
  for (auto& child : children_)
    if (auto handle = std::exchange(child.handle, nullptr))
      caf::anon_send_exit(handle, caf::exit_reason::user_shutdown);
  tell_all(make_error(errc::supervisor_ended, "the supervisor was ended"));
  kept_ = nullptr;
  ending_ = caf::exit_reason::unknown;
  has_left_ = true;
}

/// Nobody is to wait for what will not come.
void supervisor_core::tell_all(const caf::error& problem) {
  for (auto i = children_.begin(); i != children_.end(); ++i) {
    answer_start(i, problem);
    for (auto& promise : std::exchange(i->on_stopped, {}))
      promise.deliver(caf::unit);
  }
  if (auto report = std::exchange(report_, nullptr))
    report->failed(ending_ && *ending_ ? *ending_ : problem);
  places_->close(problem);
}

} // namespace flame::detail
