#pragma once

#include <memory>

#include "flame/detail/operation.hpp"
#include "frame.hpp"
#include "lane.hpp"
#include "pool_core.hpp"
#include "waker.hpp"

namespace flame::detail {

/// A caller that waits on its own thread. One wake-up object may serve many
/// calls, one after the other.
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
  void granted() noexcept override;
  void failed() noexcept override;

  waker& alarm_;
  bool was_woken_ = false;
};

/// One call from a thread. What is left when it goes wrong, the destructor
/// puts in order: the slot is never kept, and never freed while the function
/// still runs.
///
/// All members throw `call_error`. For one thread, but for `send`, which may be
/// called by another once `begin` has returned.
class blocking_call {
public:
  /// @param alarm nobody else's until this call has ended
  /// @param deadline of the call, which may have been tried before
  blocking_call(pool_core& pool, const call_options& options, waker& alarm,
                time_point deadline);

  ~blocking_call();

  blocking_call(const blocking_call&) = delete;
  blocking_call& operator=(const blocking_call&) = delete;

  /// Takes a slot and sends the request.
  /// @param keeps_request whether a large request is kept once it is sent
  void begin(buffer& request, std::uint16_t flags, bool keeps_request = false);

  /// Waits for the next frame that the runner sends.
  /// @param may_be_there whether it is worth a look before waiting
  frame_type await_frame(bool may_be_there);

  /// The body of that frame, until `drop`.
  std::span<const std::byte> body() const noexcept {
    return lane_->in().body();
  }

  void drop() noexcept {
    lane_->in().next();
  }

  /// The answer, where the last frame was one. The call has ended then.
  outcome take_answer();

  /// Sends a frame to the function that runs.
  /// @returns false if the runner does not take any more
  bool send(std::span<const std::byte> frame);

  std::uint64_t id() const noexcept {
    return lane_->call_id();
  }

  /// Many frames are to come.
  void widen() {
    lane_->in().widen();
  }

  /// Leaves the slot to what the result reports, once that is there.
  std::shared_ptr<kept_slot> keep_slot();

  /// Gives the slot back.
  void leave();

private:
  using state = slot_holder::state;
  enum class woken { by_lane, by_alarm, by_deadline };

  void take_slot();
  void wait_in_queue();
  void open_lane();
  void wait_for(int fd, short events);
  woken wait_event(int fd, short events);
  woken wait(int lane, short events);
  void throw_if_lost();
  [[noreturn]] void await_verdict();

  pool_core& pool_;
  time_point deadline_;
  waker& alarm_;
  waiting_thread holder_;
  std::unique_ptr<lane> lane_;
  /// The lane can carry another call.
  bool finished_ = false;
  /// The lane has ended.
  bool is_dead_ = false;
};

} // namespace flame::detail
