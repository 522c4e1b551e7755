#include <cerrno>

#include <fmt/format.h>
#include <poll.h>
#include <time.h>

#include "async_call.hpp"
#include "call_common.hpp"
#include "flame/detail/operation.hpp"
#include "threads.hpp"
#include "waker.hpp"

namespace flame::detail {

namespace {

/// A caller that waits on its own thread. One wake-up object serves all calls
/// of a thread, one after the other.
class waiting_thread final : public slot_holder {
public:
  explicit waiting_thread(waker& alarm) : alarm_(alarm) {
    // nop
  }

  /// Whether it was woken up ever. Constant once it has left the table.
  bool was_woken() const noexcept {
    return was_woken_;
  }

private:
  void granted() noexcept override {
    was_woken_ = true;
    alarm_.wake();
  }

  void failed() noexcept override {
    was_woken_ = true;
    alarm_.wake();
  }

  waker& alarm_;
  bool was_woken_ = false;
};

/// Where making it throws, the next call of the thread tries again.
waker& thread_waker() {
  static thread_local waker instance;
  return instance;
}

enum class woken { by_lane, by_alarm, by_deadline };

/// Waits for the lane, if there is one, and for the alarm.
woken wait(int lane, short events, waker& alarm, time_point deadline) {
  pollfd fds[] = {{alarm.fd(), POLLIN, 0}, {lane, events, 0}};
  for (;;) {
    timespec left{};
    timespec* limit = nullptr;
    if (deadline != time_point::max()) {
      auto rest = deadline - std::chrono::steady_clock::now();
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
      alarm.drain();
      return woken::by_alarm;
    }
    return woken::by_lane;
  }
}

/// One call from a thread. What is left when it goes wrong, the destructor
/// puts in order: the slot is never kept, and never freed while the function
/// still runs.
class blocking_call {
public:
  blocking_call(pool_core& pool, const call_options& options)
    : pool_(pool),
      deadline_(deadline_of(pool, options)),
      alarm_(thread_waker()),
      holder_(alarm_) {
    // nop
  }

  ~blocking_call() {
    leave();
    // The next call of this thread starts with a silent alarm.
    if (holder_.was_woken())
      alarm_.drain();
  }

  outcome run(buffer& request, std::uint16_t flags) {
    take_slot();
    open_lane();
    close_frame(request, frame_type::request, flags, lane_->next_call_id());
    send(request);
    request.shrink(kept_request);
    return receive();
  }

private:
  using state = slot_holder::state;

  void take_slot() {
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

  void wait_in_queue() {
    for (;;) {
      auto reason = wait(-1, 0, alarm_, deadline_);
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

  void open_lane() {
    if (lane_) {
      lane_->unwatch();
      return;
    }
    auto& opener = *holder_.runner()->opener;
    for (;;) {
      auto result = opener.open();
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

  void send(buffer& request) {
    frame_sender out{request.bytes()};
    for (;;) {
      switch (out.send(lane_->fd())) {
        case io_status::done:
          return;
        case io_status::blocked:
          // The runner may refuse a request before it has read all of it.
          wait_for(lane_->fd(), POLLOUT);
          break;
        default:
          // Why the runner closed the lane may stand in what it sent before.
          return;
      }
    }
  }

  outcome receive() {
    // The answer is never there yet: two processes lie between.
    auto event = wait_event(lane_->fd(), POLLIN);
    for (;;) {
      switch (lane_->in().receive(lane_->fd())) {
        case io_status::done: {
          auto result = take_outcome(pool_, *lane_, holder_.runner()->name);
          finished_ = result.lane_is_good;
          if (!finished_)
            lane_.reset();
          return result;
        }
        case io_status::blocked:
          // Not before: the answer may have come before the end of the runner.
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

  void wait_for(int fd, short events) {
    if (wait_event(fd, events) == woken::by_alarm)
      throw_if_lost();
  }

  woken wait_event(int fd, short events) {
    auto event = wait(fd, events, alarm_, deadline_);
    if (event == woken::by_deadline)
      throw call_timeout(pool_, holder_.runner()->name);
    return event;
  }

  void throw_if_lost() {
    if (pool_.table.state_of(holder_) == state::lost)
      throw pool_.table.loss_of(holder_)->to_exception();
  }

  /// The lane ended first; how the runner ended is known a little later.
  [[noreturn]] void await_verdict() {
    lane_.reset();
    pool_.table.report_closed_lane(holder_);
    for (;;) {
      throw_if_lost();
      if (wait(-1, 0, alarm_, deadline_) == woken::by_deadline)
        throw call_timeout(pool_, holder_.runner()->name);
    }
  }

  void leave() {
    if (!holder_.runner()) {
      pool_.table.withdraw(holder_);
      return;
    }
    // Without a lane there is nothing of the call on the runner.
    if (finished_ || !lane_)
      pool_.table.release(holder_, std::move(lane_));
    else
      linger(pool_, holder_, std::move(lane_));
  }

  pool_core& pool_;
  time_point deadline_;
  waker& alarm_;
  waiting_thread holder_;
  std::unique_ptr<lane> lane_;
  bool finished_ = false;
};

} // namespace

outcome call_blocking(pool_core& pool, buffer& request,
                      const call_options& options) {
  if (on_scheduler_thread())
    throw call_error{
      errc::on_scheduler_thread,
      fmt::format("flame::call on pool {} would block a thread of CAF's "
                  "scheduler, and every actor with it: inside an actor, use "
                  "flame::call(self, pool, f, args...).then(...)",
                  pool.name)};
  check_length(pool, request);
  blocking_call call{pool, options};
  return call.run(request, flags_of(options));
}

buffer& request_buffer() noexcept {
  static thread_local buffer instance;
  return instance;
}

} // namespace flame::detail
