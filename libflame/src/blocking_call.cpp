#include "blocking_call.hpp"

#include <cerrno>
#include <thread>

#include <fmt/format.h>
#include <poll.h>
#include <time.h>

#include "async_call.hpp"
#include "call_common.hpp"
#include "retry.hpp"
#include "slot_keeper.hpp"

namespace flame::detail {

namespace {

/// Where making it throws, the next call of the thread tries again.
waker& thread_waker() {
  static thread_local waker instance;
  return instance;
}

} // namespace

void waiting_thread::granted() noexcept {
  was_woken_ = true;
  alarm_.wake();
}

void waiting_thread::failed() noexcept {
  was_woken_ = true;
  alarm_.wake();
}

blocking_call::blocking_call(pool_core& pool, const call_options& options,
                             waker& alarm, time_point deadline)
  : pool_(pool),
    deadline_(deadline),
    alarm_(alarm),
    holder_(alarm_) {
  holder_.serve_by(isolation_of(pool, options));
}

blocking_call::~blocking_call() {
  leave();
  // The next call of this thread starts with a silent alarm.
  if (holder_.was_woken())
    alarm_.drain();
}

void blocking_call::begin(buffer& request, std::uint16_t flags,
                          bool keeps_request) {
  take_slot();
  open_lane();
  close_frame(request, frame_type::request, flags, lane_->next_call_id());
  // Why the runner closed the lane may stand in what it sent before.
  send(request.bytes());
  if (!keeps_request)
    request.shrink(kept_request);
}

frame_type blocking_call::await_frame(bool may_be_there) {
  auto event = may_be_there ? woken::by_lane : wait_event(lane_->fd(), POLLIN);
  for (;;) {
    switch (lane_->in().receive(lane_->fd())) {
      case io_status::done:
        return lane_->in().header().type;
      case io_status::blocked:
        // Not before: what came before the end of the runner counts.
        if (event == woken::by_alarm)
          throw_if_lost();
        event = wait_event(lane_->fd(), POLLIN);
        break;
      case io_status::closed:
        await_verdict();
      case io_status::bad_frame:
        throw bad_answer(holder_.runner()->name, lane_->in().problem());
    }
  }
}

outcome blocking_call::take_answer() {
  auto result = take_outcome(pool_, *lane_, holder_.runner()->name);
  finished_ = result.lane_is_good;
  is_dead_ = !finished_;
  return result;
}

bool blocking_call::send(std::span<const std::byte> frame) {
  frame_sender out{frame};
  for (;;) {
    switch (out.send(lane_->fd())) {
      case io_status::done:
        return true;
      case io_status::blocked:
        // The runner may refuse a request before it has read all of it.
        wait_for(lane_->fd(), POLLOUT);
        break;
      default:
        return false;
    }
  }
}

void blocking_call::leave() {
  if (!holder_.runner()) {
    pool_.table.withdraw(holder_);
    return;
  }
  // Without a lane there is nothing of the call on the runner.
  if (finished_)
    pool_.table.release(holder_, std::move(lane_));
  else if (!lane_ || is_dead_)
    pool_.table.release(holder_);
  else
    linger(pool_, holder_, std::move(lane_));
  lane_.reset();
}

void blocking_call::take_slot() {
  switch (pool_.table.acquire(holder_, false)) {
    case slot_table::outcome::granted:
      break;
    case slot_table::outcome::refused:
      throw pool_.table.loss_of(holder_)->to_exception();
    case slot_table::outcome::queued:
      wait_in_queue();
      break;
  }
  lane_ = holder_.take_lane();
}

void blocking_call::wait_in_queue() {
  for (;;) {
    auto reason = wait(-1, 0);
    switch (pool_.table.state_of(holder_)) {
      case state::holding:
      case state::lost:
        return;
      case state::refused:
        throw pool_.table.loss_of(holder_)->to_exception();
      default:
        break;
    }
    if (reason == woken::by_deadline && pool_.table.withdraw(holder_))
      throw queue_timeout(pool_);
  }
}

void blocking_call::open_lane() {
  if (lane_) {
    lane_->unwatch();
    return;
  }
  auto& opener = *holder_.runner()->opener;
  for (;;) {
    auto result = opener.open(holder_.served_by());
    if (result.opened) {
      lane_ = std::move(result.opened);
      return;
    }
    switch (result.why) {
      case lane_opener::failure::busy:
        wait_for(opener.fd(), POLLOUT);
        break;
      case lane_opener::failure::closed:
        await_verdict();
      case lane_opener::failure::exhausted:
        throw no_lane_left(holder_.runner()->name);
    }
  }
}

void blocking_call::wait_for(int fd, short events) {
  if (wait_event(fd, events) == woken::by_alarm)
    throw_if_lost();
}

blocking_call::woken blocking_call::wait_event(int fd, short events) {
  auto event = wait(fd, events);
  if (event == woken::by_deadline)
    throw call_timeout(pool_, holder_.runner()->name);
  return event;
}

/// Waits for the lane, if there is one, and for the alarm.
blocking_call::woken blocking_call::wait(int lane, short events) {
  pollfd fds[] = {{alarm_.fd(), POLLIN, 0}, {lane, events, 0}};
  for (;;) {
    timespec left{};
    timespec* limit = nullptr;
    if (deadline_ != time_point::max()) {
      auto rest = deadline_ - std::chrono::steady_clock::now();
      if (rest <= time_point::duration::zero())
        return woken::by_deadline;
      auto nanos =
        std::chrono::duration_cast<std::chrono::nanoseconds>(rest).count();
      left = {static_cast<time_t>(nanos / 1'000'000'000),
              static_cast<long>(nanos % 1'000'000'000)};
      limit = &left;
    }
    auto ready = ::ppoll(fds, lane >= 0 ? 2 : 1, limit, nullptr);
    if (ready < 0 && errno != EINTR)
      throw call_error{errc::out_of_resources, "ppoll failed"};
    if (ready <= 0)
      continue;
    if (fds[0].revents != 0) {
      alarm_.drain();
      return woken::by_alarm;
    }
    return woken::by_lane;
  }
}

void blocking_call::throw_if_lost() {
  if (pool_.table.state_of(holder_) == state::lost)
    throw pool_.table.loss_of(holder_)->to_exception();
}

std::shared_ptr<kept_slot> blocking_call::keep_slot() {
  return detail::keep_slot(pool_.shared_from_this(), holder_, std::move(lane_));
}

/// The lane ended first; how the runner ended is known a little later.
void blocking_call::await_verdict() {
  is_dead_ = true;
  pool_.table.report_closed_lane(holder_);
  for (;;) {
    throw_if_lost();
    if (wait(-1, 0) == woken::by_deadline)
      throw call_timeout(pool_, holder_.runner()->name);
  }
}

namespace {

outcome attempt(pool_core& pool, buffer& request, const call_options& options,
                time_point deadline, bool is_repeatable) {
  blocking_call call{pool, options, thread_waker(), deadline};
  call.begin(request, flags_of(options), is_repeatable);
  // The answer is never there yet: two processes lie between.
  call.await_frame(false);
  auto result = call.take_answer();
  if (!result.error && tracks(pool, options))
    result.slot = call.keep_slot();
  return result;
}

/// Fails as one of its attempts does.
outcome call_repeatedly(pool_core& pool, buffer& request,
                        const call_options& options, time_point deadline,
                        retry_plan& plan) {
  for (;;) {
    outcome result;
    try {
      result = attempt(pool, request, options, deadline, true);
    } catch (const call_error& error) {
      result.error = error;
    }
    if (!result.error)
      return result;
    auto again =
      plan.next(*result.error, std::chrono::steady_clock::now(), deadline);
    if (!again)
      return result;
    report_retry(pool, *result.error, plan.failed());
    std::this_thread::sleep_until(*again);
  }
}

} // namespace

outcome call_blocking(pool_core& pool, buffer& request,
                      const call_options& options) {
  refuse_on_scheduler_thread(pool,
                             "flame::call(self, pool, f, args...).then(...)");
  check_length(pool, request);
  auto begun = std::chrono::steady_clock::now();
  auto deadline = deadline_of(pool, options, begun);
  auto plan = retry_plan::of(pool, options);
  pool.calls.begun();
  auto result = pool.calls.count_failure([&] {
    return plan ? call_repeatedly(pool, request, options, deadline, *plan)
                : attempt(pool, request, options, deadline, false);
  });
  pool.calls.ended(result.error, begun);
  return result;
}

buffer& request_buffer() noexcept {
  static thread_local buffer instance;
  return instance;
}

} // namespace flame::detail
