#include "async_call.hpp"

#include <fmt/format.h>

#include "call_common.hpp"
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

} // namespace

async_call::async_call(std::shared_ptr<pool_core> pool, buffer request,
                       const call_options& options,
                       std::unique_ptr<completion> done)
  : pool_(std::move(pool)),
    request_(std::move(request)),
    out_({}),
    flags_(flags_of(options)),
    keeps_slot_(tracks(*pool_, options)),
    done_(std::move(done)),
    retry_(retry_plan::of(*pool_, options)),
    begun_(std::chrono::steady_clock::now()) {
  check_length(*pool_, request_);
  deadline_ = deadline_of(*pool_, options, begun_);
  serve_by(isolation_of(*pool_, options));
}

async_call::async_call(std::shared_ptr<pool_core> pool,
                       std::unique_ptr<lane> with)
  : pool_(std::move(pool)),
    out_({}),
    phase_(phase::lingering),
    lane_(std::move(with)) {
  // nop
}

async_call::~async_call() = default;

void async_call::start() {
  // The table's list holds a plain pointer; this is its reference.
  intrusive_ptr_add_ref(static_cast<pending_work*>(this));
  pool_->calls.begun();
  step([&] {
    pool_->loop->watch(*this);
    take_slot();
  });
}

void async_call::adopt(slot_holder& from) {
  intrusive_ptr_add_ref(static_cast<pending_work*>(this));
  step([&] {
    pool_->table.transfer(from, *this);
    lane_->cancel();
    begin_grace();
    await_end();
  });
}

void async_call::link_to(std::shared_ptr<caller_port> port,
                         caller_port::ticket ticket) {
  port_ = std::move(port);
  ticket_ = ticket;
  port_->link(ticket_, this);
}

void async_call::cancel(const caf::error&) {
  give_up(call_error{errc::cancelled, "the caller of the call ended"});
}

void async_call::give_up(call_error why) {
  step([&] {
    end_early(std::move(why));
  });
}

void async_call::granted() noexcept {
  on_loop([](async_call& self) {
    if (self.phase_ == phase::queued)
      self.begin();
  });
}

void async_call::failed() noexcept {
  on_loop([](async_call& self) {
    self.lost();
  });
}

void async_call::expired() {
  if (!report_if_lingering())
    step([&] {
      end_early(std::nullopt);
    });
}

bool async_call::report_if_lingering() {
  std::unique_lock guard{mutex_};
  if (phase_ != phase::lingering)
    return false;
  // The call's own deadline may come in when the grace has just begun.
  if (std::chrono::steady_clock::now() >= deadline_)
    pool_->table.report_wedged(*this);
  return true;
}

void async_call::hand_over(delivery out) {
  if (out.done->is_quick() || out.result.frame.size() <= longest_quick_result) {
    out.done->complete(std::move(out.result));
    return;
  }
  pool_->loop->run_aside([late = std::make_shared<delivery>(std::move(out))] {
    late->done->complete(std::move(late->result));
  });
}

void async_call::take_slot() {
  switch (pool_->table.acquire(*this, true)) {
    case slot_table::outcome::granted:
      begin();
      break;
    case slot_table::outcome::refused:
      fail(pool_->table.loss_of(*this)->to_exception());
      break;
    case slot_table::outcome::queued:
      request_.fit();
      break;
  }
}

/// Memory or descriptors ran out.
void async_call::give_out(const char* why) {
  lane_.reset();
  fail(call_error{
    errc::out_of_resources,
    fmt::format("a call on pool {} could not go on: {}", pool_->name, why),
    runner() ? runner()->name : std::string{}});
}

void async_call::begin() {
  phase_ = phase::working;
  lane_ = take_lane();
  if (!lane_ && !open_lane())
    return;
  close_frame(request_, frame_type::request, flags_, lane_->next_call_id());
  out_ = frame_sender{request_.bytes()};
  send();
}

bool async_call::open_lane() {
  auto result = runner()->opener->open(served_by());
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

void async_call::retry_lane() {
  auto timer =
    std::make_shared<boost::asio::steady_timer>(pool_->loop->io(), lane_retry);
  timer->async_wait([self = self_ptr{this}, timer](const auto&) {
    self->step([&] {
      if (self->phase_ == phase::working && !self->lane_)
        self->begin();
    });
  });
}

void async_call::send() {
  switch (out_.send(lane_->fd())) {
    case io_status::blocked:
      wait(boost::asio::posix::stream_descriptor::wait_write, [this] {
        send();
      });
      break;
    default:
      // Also when the runner closed the lane: it may have said why before.
      is_sent_ = true;
      if (!retry_)
        request_ = buffer{};
      if (phase_ == phase::lingering)
        await_end();
      else
        request_sent();
      break;
  }
}

void async_call::request_sent() {
  await_answer();
}

void async_call::await_answer() {
  is_reading_ = true;
  wait(boost::asio::posix::stream_descriptor::wait_read, [this] {
    is_reading_ = false;
    if (phase_ == phase::lingering)
      await_end();
    else
      receive();
  });
}

void async_call::receive() {
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
    case io_status::bad_frame:
      bad_frame();
      break;
  }
}

void async_call::bad_frame() {
  auto error = bad_answer(runner()->name, lane_->in().problem());
  lane_.reset();
  fail(std::move(error));
}

void async_call::begin_grace() {
  pool_->loop->unwatch(*this);
  deadline_ =
    time_after(std::chrono::steady_clock::now(), grace_of(*pool_, *lane_));
  pool_->loop->watch(*this);
}

void async_call::await_end() {
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

void async_call::lane_closed() {
  phase_ = phase::verdict;
  lane_.reset();
  pool_->table.report_closed_lane(*this);
}

void async_call::lost() {
  // Where the call is tried again, this may be news of the attempt before.
  auto state = pool_->table.state_of(*this);
  if (state != slot_holder::state::lost && state != slot_holder::state::refused)
    return;
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

void async_call::finish() {
  auto result = take_outcome(*pool_, *lane_, runner()->name);
  if (!result.lane_is_good)
    lane_.reset();
  if (result.error && try_again(*result.error))
    return;
  if (keeps_slot_ && !result.error)
    result.slot = keep_slot(pool_, *this, std::move(lane_));
  tell(std::move(result));
  leave();
}

void async_call::fail(call_error error) {
  if (try_again(error))
    return;
  tell(std::move(error));
  leave();
}

bool async_call::try_again(const call_error& error) {
  if (!retry_ || phase_ == phase::lingering)
    return false;
  auto when = retry_->next(error, std::chrono::steady_clock::now(), deadline_);
  if (!when)
    return false;
  report_retry(*pool_, error, retry_->failed());
  pool_->table.release(*this, std::move(lane_));
  lane_.reset();
  phase_ = phase::pausing;
  is_sent_ = false;
  is_reading_ = false;
  ++attempt_;
  pause_until(*when);
  return true;
}

void async_call::pause_until(time_point when) {
  pool_->loop->run_at(when, [self = self_ptr{this}] {
    self->step([&] {
      if (self->phase_ != phase::pausing)
        return;
      self->phase_ = phase::queued;
      self->take_slot();
    });
  });
}

void async_call::end_early(std::optional<call_error> why) {
  if (phase_ == phase::lingering)
    return;
  retry_.reset();
  if (phase_ == phase::pausing || pool_->table.withdraw(*this)) {
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
    // Whoever neither sends nor reads waits for its caller.
    if (is_sent_ && !is_reading_)
      await_end();
    return;
  }
  fail(std::move(error));
}

void async_call::tell(call_error error) {
  outcome result;
  result.runner = error.runner();
  result.error = std::move(error);
  tell(std::move(result));
}

void async_call::tell(outcome result) {
  if (!done_)
    return;
  pool_->calls.ended(result.error, begun_);
  *delivery_ = delivery{std::move(done_), std::move(result)};
}

void async_call::leave() {
  phase_ = phase::done;
  if (port_)
    port_->unlink(ticket_);
  pool_->loop->unwatch(*this);
  pool_->table.release(*this, std::move(lane_));
  // Never the last reference: whoever takes a step holds one.
  intrusive_ptr_release(static_cast<pending_work*>(this));
}

void linger(pool_core& pool, slot_holder& from, std::unique_ptr<lane> with) {
  boost::intrusive_ptr<async_call> call{
    new async_call(pool.shared_from_this(), std::move(with))};
  call->adopt(from);
}

void call_async(const std::shared_ptr<pool_core>& pool, buffer request,
                const call_options& options, std::unique_ptr<completion> done) {
  boost::intrusive_ptr<async_call> call{
    new async_call(pool, std::move(request), options, std::move(done))};
  call->start();
}

void call_for_actor(caf::scheduled_actor* self,
                    const std::shared_ptr<pool_core>& pool, buffer request,
                    const call_options& options,
                    std::unique_ptr<completion> done, bool awaits) {
  auto port = pool->ports->of(self);
  check_length(*pool, request);
  auto ticket = port->expect(self, awaits);
  boost::intrusive_ptr<async_call> call{new async_call(
    pool, std::move(request), options, port->deliver(ticket, std::move(done)))};
  if (options.link)
    call->link_to(port, ticket);
  call->start();
}

} // namespace flame::detail
