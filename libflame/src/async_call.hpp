#pragma once

#include <cstdint>
#include <mutex>
#include <optional>

#include <boost/asio/post.hpp>

#include "caller_ports.hpp"
#include "flame/detail/operation.hpp"
#include "frame.hpp"
#include "lane.hpp"
#include "pool_core.hpp"
#include "reactor.hpp"
#include "retry.hpp"

namespace flame::detail {

/// A call that no thread waits for.
///
///     pausing <-> queued -> working -> done
///                     \        |  \-> lingering -> done
///                      \       v
///                       \-> verdict -> done
///
/// `queued` until the table grants a slot; `working` while the request is sent
/// and the answer awaited; `verdict` when the lane ended and the pool is
/// finding out why; `pausing` between two attempts, from any of which a call
/// that may be repeated gets there; `lingering` when the caller has its error already and the
/// function has not ended, which gets `stop_grace` for that. Whatever ends a
/// call runs under a mutex, which is taken before the table's and never after
/// it.
class async_call : public pending_work, public slot_holder {
public:
  async_call(std::shared_ptr<pool_core> pool, buffer request,
             const call_options& options, std::unique_ptr<completion> done);

  /// For `linger`: nothing to send, nobody to tell.
  async_call(std::shared_ptr<pool_core> pool, std::unique_ptr<lane> with);

  ~async_call() override;

  void start();

  /// Takes over the slot of a caller that has given up.
  void adopt(slot_holder& from);

  /// Ends the call with the actor that makes it.
  void link_to(std::shared_ptr<caller_port> port, caller_port::ticket ticket);

  void cancel(const caf::error&) override;

  /// Ends the call early, with this for its caller.
  void give_up(call_error why);

protected:
  enum class phase : std::uint8_t {
    queued,
    working,
    verdict,
    pausing,
    lingering,
    done
  };

  phase now() const noexcept {
    return phase_;
  }

  const std::shared_ptr<pool_core>& pool() const noexcept {
    return pool_;
  }

  /// The lane of a call that works, until it ends.
  lane* its_lane() const noexcept {
    return lane_.get();
  }

  /// Takes a step of the call: `next(call)`, with the mutex held, unless the
  /// call is done. What it has to tell is told once the mutex is free: it may
  /// be code of a user that is told.
  template <class F>
  void step(F next) {
    std::optional<delivery> out;
    {
      std::lock_guard guard{mutex_};
      if (phase_ == phase::done)
        return;
      delivery_ = &out;
      try {
        next();
      } catch (const std::exception& error) {
        give_out(error.what());
      }
      delivery_ = nullptr;
    }
    if (out)
      hand_over(std::move(*out));
  }

  // -- steps, with the mutex held ---------------------------------------------

  /// The request is on its way.
  virtual void request_sent();

  /// There is something to read, or was once.
  virtual void receive();

  /// The runner is lost, or the caller was refused.
  virtual void lost();

  void await_answer();

  /// Takes a step when the lane is ready, if the call still has it then.
  template <class F>
  void wait(boost::asio::posix::stream_descriptor::wait_type type, F next) {
    lane_->watched(pool_->loop->io())
      .async_wait(type, [self = self_ptr{this}, next,
                         attempt = attempt_](const auto& ec) {
        if (!ec)
          self->step([&] {
            if (self->lane_ && self->attempt_ == attempt)
              next();
          });
      });
  }

  /// The frame that has arrived is the answer.
  void finish();

  void lane_closed();

  /// What has arrived is no frame.
  void bad_frame();

  void fail(call_error error);

  /// The caller is served already; what still comes is thrown away until the
  /// runner closes its end, which it does when the function has ended.
  void await_end();

private:
  using self_ptr = boost::intrusive_ptr<async_call>;

  struct delivery {
    std::unique_ptr<completion> done;
    outcome result;
  };

  // Called by the table, with its mutex held.
  void granted() noexcept override;
  void failed() noexcept override;

  // Called by the reactor.
  void expired() override;

  template <class F>
  void on_loop(F next) {
    boost::asio::post(pool_->loop->io(), [self = self_ptr{this}, next] {
      self->step([&] {
        next(*self);
      });
    });
  }

  void hand_over(delivery out);
  bool report_if_lingering();
  void take_slot();
  void give_out(const char* why);
  void begin();
  bool open_lane();
  void retry_lane();
  bool try_again(const call_error& error);
  void pause_until(time_point when);
  void send();
  void begin_grace();
  void end_early(std::optional<call_error> why);
  void tell(call_error error);
  void tell(outcome result);
  void leave();

  std::mutex mutex_;
  std::shared_ptr<pool_core> pool_;
  buffer request_;
  frame_sender out_;
  std::uint16_t flags_ = 0;
  std::uint16_t attempt_ = 0;
  bool keeps_slot_ = false;
  /// Whether the request is on its way.
  bool is_sent_ = false;
  /// Whether the reactor waits for something to read.
  bool is_reading_ = false;
  phase phase_ = phase::queued;
  std::unique_ptr<completion> done_;
  /// Of a call that may be repeated.
  std::unique_ptr<retry_plan> retry_;
  time_point begun_;
  /// What the present step has to tell. Not a part of the call, of which there
  /// may be 100,000 in the queue.
  std::optional<delivery>* delivery_ = nullptr;
  std::unique_ptr<lane> lane_;
  std::shared_ptr<caller_port> port_;
  caller_port::ticket ticket_ = 0;
};

/// Takes over a lane whose caller has given up. The runner is told to stop; the
/// slot is free once the function has ended, not before.
void linger(pool_core& pool, slot_holder& from, std::unique_ptr<lane> with);

} // namespace flame::detail
