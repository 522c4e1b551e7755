#include <atomic>
#include <mutex>

#include "blocking_call.hpp"
#include "call_common.hpp"

namespace flame::detail {

item_stream::~item_stream() = default;

namespace {

/// A stream whose items a thread waits for.
class blocking_stream final : public item_stream {
public:
  blocking_stream(std::shared_ptr<pool_core> pool, buffer& request,
                  const call_options& options)
    : pool_(std::move(pool)),
      begun_(std::chrono::steady_clock::now()),
      call_(*pool_, options, alarm_, deadline_of(*pool_, options, begun_)) {
    pool_->calls.begun();
    pool_->calls.count_failure([&] {
      call_.begin(request, flags_of(options));
      call_.widen();
    });
  }

  ~blocking_stream() override {
    // Its caller has left it.
    if (!is_over_)
      pool_->calls.failed(errc::cancelled);
  }

  std::optional<std::span<const std::byte>> next() override {
    if (is_over_)
      return std::nullopt;
    try {
      if (std::exchange(has_item_, false))
        call_.drop();
      if (call_.await_frame(true) == frame_type::item) {
        has_item_ = true;
        return call_.body();
      }
      finish();
    } catch (const call_error& error) {
      // Also whoever asks for the result later is told.
      result_.error = error;
      is_over_ = true;
    }
    pool_->calls.ended(result_.error, begun_);
    if (result_.error)
      throw call_error{*result_.error};
    return std::nullopt;
  }

  const outcome& result() const override {
    if (result_.error)
      throw call_error{*result_.error};
    return result_;
  }

  void open(buffer& item) override {
    open_frame(item);
  }

  bool send(buffer& item) override {
    check_length(*pool_, item);
    return send_frame(item, frame_type::item);
  }

  void end_input() override {
    buffer end;
    open_frame(end);
    send_frame(end, frame_type::end_of_items);
    input_has_ended_ = true;
  }

  codec_context* context() const noexcept override {
    return pool_->handles.get();
  }

private:
  bool send_frame(buffer& frame, frame_type type) {
    std::lock_guard guard{sending_};
    if (is_over_ || input_has_ended_)
      return false;
    close_frame(frame, type, 0, call_.id());
    return call_.send(frame.bytes());
  }

  /// The slot is free now, and the lane somebody else's: nobody may send.
  void finish() {
    result_ = call_.take_answer();
    // Does not wait for long: a runner that has ended a call before its input
    // ended has ended the lane too.
    std::lock_guard guard{sending_};
    is_over_ = true;
    call_.leave();
  }

  const std::shared_ptr<pool_core> pool_;
  waker alarm_;
  const time_point begun_;
  blocking_call call_;
  std::mutex sending_;
  std::atomic<bool> is_over_ = false;
  std::atomic<bool> input_has_ended_ = false;
  bool has_item_ = false;
  outcome result_;
};

} // namespace

std::unique_ptr<item_stream> open_stream(const std::shared_ptr<pool_core>& pool,
                                         buffer& request,
                                         const call_options& options) {
  refuse_on_scheduler_thread(*pool, "flame::stream(self, pool, f, args...)");
  check_length(*pool, request);
  return std::make_unique<blocking_stream>(pool, request, options);
}

} // namespace flame::detail
