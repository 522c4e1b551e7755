#include "async_call.hpp"

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "call_common.hpp"
#include "caller_ports.hpp"
#include "flame/detail/operation.hpp"
#include "hooks.hpp"
#include "logging.hpp"
#include "slot_keeper.hpp"
#include "timing.hpp"

namespace flame::detail {

namespace {

/// How often a runner is asked that does not take lanes at the moment. Its
/// socket holds hundreds of them, so this is a runner that is stopped.
constexpr auto lane_retry = std::chrono::milliseconds{10};

/// Longest result that is decoded on the reactor's thread, in bytes: what is
/// longer would keep the answers of other calls waiting.
constexpr std::size_t longest_quick_result = 64 * 1024;

/// A call that no thread waits for.
///
///     queued -> working -> done
///         \        |  \-> lingering -> done
///          \       v
///           \-> verdict -> done
///
/// `queued` until the table grants a slot; `working` while the request is sent
/// and the answer awaited; `verdict` when the lane ended and the pool is
/// finding out why; `lingering` when the caller has its error already and the
/// function has not ended, which gets `stop_grace` for that. Whatever ends a
/// call runs under `mutex_`, which is taken before the table's and never after
/// it.
class async_call final : public pending_work, public slot_holder {
public:
  async_call(std::shared_ptr<pool_core> pool, buffer request,
             time_point deadline, std::uint16_t flags,
             std::unique_ptr<completion> done)
    : pool_(std::move(pool)),
      request_(std::move(request)),
      out_({}),
      flags_(flags),
      done_(std::move(done)) {
    deadline_ = deadline;
  }

  /// For `linger`: nothing to send, nobody to tell.
  async_call(std::shared_ptr<pool_core> pool, std::unique_ptr<lane> with)
    : pool_(std::move(pool)),
      out_({}),
      lane_(std::move(with)),
      phase_(phase::lingering) {
    // nop
  }

  void start() {
    // The table's list holds a plain pointer; this is its reference.
    intrusive_ptr_add_ref(static_cast<pending_work*>(this));
    step([](async_call& self) {
      self.pool_->loop->watch(self);
      self.take_slot();
    });
  }

  void adopt(slot_holder& from) {
    intrusive_ptr_add_ref(static_cast<pending_work*>(this));
    step([&](async_call& self) {
      self.pool_->table.transfer(from, self);
      self.lane_->cancel();
      self.begin_grace();
      self.await_end();
    });
  }

  /// Ends the call with the actor that makes it.
  void link_to(std::shared_ptr<caller_port> port, caller_port::ticket ticket) {
    port_ = std::move(port);
    ticket_ = ticket;
    port_->link(ticket_, this);
  }

  /// Leaves the slot to what the result reports.
  void keep_slot_after() noexcept {
    keeps_slot_ = true;
  }

  void cancel(const caf::error&) override {
    give_up(call_error{errc::cancelled, "the caller of the call ended"});
  }

private:
  using self_ptr = boost::intrusive_ptr<async_call>;
  enum class phase { queued, working, verdict, lingering, done };

  struct delivery {
    delivery(std::unique_ptr<completion> its_done, outcome its_result)
      : done(std::move(its_done)),
        result(std::move(its_result)) {
      // nop
    }

    std::unique_ptr<completion> done;
    outcome result;
  };

  // -- called by the table, with its mutex held -------------------------------

  void granted() noexcept override {
    on_loop([](async_call& self) {
      if (self.phase_ == phase::queued)
        self.begin();
    });
  }

  void failed() noexcept override {
    on_loop([](async_call& self) {
      self.lost();
    });
  }

  // -- called by the reactor --------------------------------------------------

  void expired() override {
    if (!report_if_lingering())
      give_up(std::nullopt);
  }

  bool report_if_lingering() {
    std::unique_lock guard{mutex_};
    if (phase_ != phase::lingering)
      return false;
    // The call's own deadline may come in when the grace has just begun.
    if (std::chrono::steady_clock::now() >= deadline_)
      pool_->table.report_wedged(*this);
    return true;
  }

  template <class F>
  void on_loop(F next) {
    boost::asio::post(pool_->loop->io(), [self = self_ptr{this}, next] {
      self->step(next);
    });
  }

  /// What a step has to tell is told once the mutex is free: it may be code of
  /// a user that is told.
  template <class F>
  void step(F next) {
    std::optional<delivery> out;
    {
      std::lock_guard guard{mutex_};
      if (phase_ == phase::done)
        return;
      try {
        next(*this);
      } catch (const std::exception& error) {
        give_out(error.what());
      }
      out.swap(delivery_);
    }
    if (!out)
      return;
    if (out->done->is_quick()
        || out->result.frame.size() <= longest_quick_result) {
      out->done->complete(std::move(out->result));
      return;
    }
    pool_->loop->run_aside(
      [late = std::make_shared<delivery>(std::move(*out))] {
        late->done->complete(std::move(late->result));
      });
  }

  // -- steps, with the mutex held ---------------------------------------------

  void take_slot() {
    switch (pool_->table.acquire(*this, true)) {
      case slot_table::outcome::granted:
        begin();
        break;
      case slot_table::outcome::refused:
        fail(pool_->table.loss_of(*this)->to_exception());
        break;
      case slot_table::outcome::queued:
        break;
    }
  }

  /// Memory or descriptors ran out.
  void give_out(const char* why) {
    lane_.reset();
    fail(call_error{
      errc::out_of_resources,
      fmt::format("a call on pool {} could not go on: {}", pool_->name, why),
      runner() ? runner()->name : std::string{}});
  }

  void begin() {
    phase_ = phase::working;
    lane_ = take_lane();
    if (!lane_ && !open_lane())
      return;
    close_frame(request_, frame_type::request, flags_, lane_->next_call_id());
    out_ = frame_sender{request_.bytes()};
    send();
  }

  bool open_lane() {
    auto result = runner()->opener->open();
    if (result.opened) {
      lane_ = std::move(result.opened);
      return true;
    }
    switch (result.why) {
      case lane_opener::failure::busy:
        retry_lane();
        break;
      case lane_opener::failure::closed:
        lane_closed();
        break;
      case lane_opener::failure::exhausted:
        fail(no_lane_left(runner()->name));
        break;
    }
    return false;
  }

  void retry_lane() {
    auto timer = std::make_shared<boost::asio::steady_timer>(pool_->loop->io(),
                                                             lane_retry);
    timer->async_wait([self = self_ptr{this}, timer](const auto&) {
      self->step([](async_call& it) {
        if (it.phase_ == phase::working && !it.lane_)
          it.begin();
      });
    });
  }

  void send() {
    switch (out_.send(lane_->fd())) {
      case io_status::blocked:
        wait(boost::asio::posix::stream_descriptor::wait_write,
             [](async_call& self) {
               self.send();
             });
        break;
      default:
        // Also when the runner closed the lane: it may have said why before.
        request_ = buffer{};
        await_answer();
        break;
    }
  }

  void await_answer() {
    wait(boost::asio::posix::stream_descriptor::wait_read,
         [](async_call& self) {
           self.receive();
         });
  }

  void receive() {
    if (phase_ == phase::lingering) {
      await_end();
      return;
    }
    switch (lane_->in().receive(lane_->fd())) {
      case io_status::done:
        finish();
        break;
      case io_status::blocked:
        await_answer();
        break;
      case io_status::closed:
        lane_closed();
        break;
      case io_status::bad_frame: {
        auto error = bad_answer(runner()->name, lane_->in().problem());
        lane_.reset();
        fail(std::move(error));
        break;
      }
    }
  }

  void begin_grace() {
    pool_->loop->unwatch(*this);
    deadline_ =
      time_after(std::chrono::steady_clock::now(), pool_->options.stop_grace);
    pool_->loop->watch(*this);
  }

  /// The caller is served already; what still comes is thrown away until the
  /// runner closes its end, which it does when the function has ended.
  void await_end() {
    for (;;) {
      switch (lane_->in().receive(lane_->fd())) {
        case io_status::done:
          lane_->in().next();
          break;
        case io_status::blocked:
          await_answer();
          return;
        default:
          lane_.reset();
          leave();
          return;
      }
    }
  }

  void lane_closed() {
    phase_ = phase::verdict;
    lane_.reset();
    pool_->table.report_closed_lane(*this);
  }

  void lost() {
    auto why = pool_->table.loss_of(*this);
    if (phase_ == phase::lingering || !why)
      leave();
    // The answer may have come before the end.
    else if (phase_ == phase::working && lane_
             && lane_->in().receive(lane_->fd()) == io_status::done)
      finish();
    else
      fail(why->to_exception());
  }

  void finish() {
    auto result = take_outcome(*pool_, *lane_, runner()->name);
    if (!result.lane_is_good)
      lane_.reset();
    if (keeps_slot_ && !result.error)
      result.slot = keep_slot(pool_, *this, std::move(lane_));
    tell(std::move(result));
    leave();
  }

  void fail(call_error error) {
    tell(std::move(error));
    leave();
  }

  void give_up(std::optional<call_error> why) {
    step([&](async_call& self) {
      self.end_early(std::move(why));
    });
  }

  void end_early(std::optional<call_error> why) {
    if (phase_ == phase::lingering)
      return;
    if (pool_->table.withdraw(*this)) {
      fail(why ? *why : queue_timeout(*pool_));
      return;
    }
    if (phase_ == phase::queued && !runner()) {
      // Refused at this very moment: `lost` is on its way.
      return;
    }
    auto error = why ? *why : call_timeout(*pool_, runner()->name);
    if (phase_ == phase::working && lane_) {
      tell(std::move(error));
      phase_ = phase::lingering;
      lane_->cancel();
      begin_grace();
      return;
    }
    fail(std::move(error));
  }

  void tell(call_error error) {
    outcome result;
    result.runner = error.runner();
    result.error = std::move(error);
    tell(std::move(result));
  }

  void tell(outcome result) {
    if (done_)
      delivery_.emplace(std::move(done_), std::move(result));
  }

  void leave() {
    phase_ = phase::done;
    if (port_)
      port_->unlink(ticket_);
    pool_->loop->unwatch(*this);
    pool_->table.release(*this, std::move(lane_));
    // Never the last reference: whoever takes a step holds one.
    intrusive_ptr_release(static_cast<pending_work*>(this));
  }

  template <class F>
  void wait(boost::asio::posix::stream_descriptor::wait_type type, F next) {
    lane_->watched(pool_->loop->io())
      .async_wait(type, [self = self_ptr{this}, next](const auto& ec) {
        if (!ec)
          self->step([next](async_call& it) {
            if (it.lane_)
              next(it);
          });
      });
  }

  std::mutex mutex_;
  std::shared_ptr<pool_core> pool_;
  buffer request_;
  frame_sender out_;
  std::uint16_t flags_ = 0;
  bool keeps_slot_ = false;
  std::unique_ptr<completion> done_;
  std::optional<delivery> delivery_;
  std::unique_ptr<lane> lane_;
  std::shared_ptr<caller_port> port_;
  caller_port::ticket ticket_ = 0;
  phase phase_ = phase::queued;
};

/// What is done with the outcome of a cast: nothing, unless it has failed. Then
/// the log has it, the program's hook, and the actor that is linked to it.
class forget final : public completion {
public:
  explicit forget(std::shared_ptr<pool_core> pool,
                  std::shared_ptr<caller_port> linked = nullptr,
                  caf::strong_actor_ptr owner = nullptr)
    : pool_(std::move(pool)),
      linked_(std::move(linked)),
      owner_(std::move(owner)) {
    // nop
  }

  bool is_quick() const noexcept override {
    return true;
  }

  void complete(outcome&& result) override {
    // Stopped with the actor that it is linked to, as it should be.
    if (!result.error || (linked_ && linked_->is_gone()))
      return;
    pool_->log->error("cast failed pool={} runner={} code={} {}", pool_->name,
                      result.runner, to_string(result.error->code()),
                      result.error->what());
    if (linked_)
      linked_->tell_owner(caf::make_message(
        caf::exit_msg{caf::actor_addr{}, result.error->to_error()}));
    if (pool_->options.on_cast_error)
      pool_->loop->run_aside([pool = pool_, error = *result.error] {
        run_hook(*pool, "on_cast_error", [&] {
          pool->options.on_cast_error(error);
        });
      });
  }

private:
  std::shared_ptr<pool_core> pool_;
  std::shared_ptr<caller_port> linked_;
  /// As CAF's links do, this keeps the actor that would get the exit message:
  /// one that nobody refers to would be ended by CAF, and the cast with it.
  caf::strong_actor_ptr owner_;
};

boost::intrusive_ptr<async_call> make_call(const std::shared_ptr<pool_core>& p,
                                           buffer request,
                                           const call_options& options,
                                           std::unique_ptr<completion> done) {
  check_length(*p, request);
  boost::intrusive_ptr<async_call> result{
    new async_call(p, std::move(request), deadline_of(*p, options),
                   flags_of(options), std::move(done))};
  if (tracks(*p, options))
    result->keep_slot_after();
  return result;
}

} // namespace

void linger(pool_core& pool, slot_holder& from, std::unique_ptr<lane> with) {
  boost::intrusive_ptr<async_call> call{
    new async_call(pool.shared_from_this(), std::move(with))};
  call->adopt(from);
}

void call_async(const std::shared_ptr<pool_core>& pool, buffer request,
                const call_options& options, std::unique_ptr<completion> done) {
  make_call(pool, std::move(request), options, std::move(done))->start();
}

void call_for_actor(caf::scheduled_actor* self,
                    const std::shared_ptr<pool_core>& pool, buffer request,
                    const call_options& options,
                    std::unique_ptr<completion> done, bool awaits) {
  auto port = pool->ports->of(self);
  check_length(*pool, request);
  auto ticket = port->expect(self, awaits);
  auto call = make_call(pool, std::move(request), options,
                        port->deliver(ticket, std::move(done)));
  if (options.link)
    call->link_to(port, ticket);
  call->start();
}

void cast(const std::shared_ptr<pool_core>& pool, buffer request,
          const call_options& options) {
  call_async(pool, std::move(request), options, std::make_unique<forget>(pool));
}

void cast_for_actor(caf::scheduled_actor* self,
                    const std::shared_ptr<pool_core>& pool, buffer request,
                    const call_options& options) {
  if (!options.link)
    return cast(pool, std::move(request), options);
  auto port = pool->ports->of(self);
  auto call = make_call(
    pool, std::move(request), options,
    std::make_unique<forget>(pool, port, caf::strong_actor_ptr{self->ctrl()}));
  call->link_to(port, port->next_ticket());
  call->start();
}

} // namespace flame::detail
