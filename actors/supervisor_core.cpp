#include "supervisor_core.hpp"

#include <fmt/format.h>

#include "inline_actor.hpp"
#include "logging.hpp"
#include "supervisor_messages.hpp"
#include "supervisor_registry.hpp"
#include "timing.hpp"

namespace flame::detail {

namespace {

/// A start as its start function sees it.
class attempt final : public start_attempt {
public:
  attempt(supervisor_core& core, std::uint64_t ticket)
    : core_(core),
      ticket_(ticket) {
    // nop
  }

  caf::event_based_actor* supervisor() const noexcept override {
    return core_.self();
  }

  void made(const caf::actor& child) override {
    core_.made(ticket_, child);
  }

  void done(started what) override {
    core_.start_succeeded(ticket_, std::move(what), {});
  }

  void failed(caf::error why) override {
    core_.start_failed(ticket_, why, {});
  }

  std::shared_ptr<child_report> report() override {
    return report_by_message(core_.self(), ticket_);
  }

  std::unique_ptr<completion> placed() override;

private:
  supervisor_core& core_;
  const std::uint64_t ticket_;
};

/// The outcome of a placement. Its link is not made: the child ends with the
/// supervisor, which gets no exit message from it.
class placement_outcome final : public completion {
public:
  placement_outcome(std::weak_ptr<supervisor_core> core, std::uint64_t ticket)
    : core_(std::move(core)),
      ticket_(ticket) {
    // nop
  }

  void complete(outcome&& result) override {
    auto core = core_.lock();
    if (!core)
      return;
    if (!result.error)
      return core->start_succeeded(ticket_, {result.child, {}}, result.runner);
    auto was_lost = result.error->code() == errc::runner_lost;
    core->start_failed(ticket_, result.error->to_error(),
                       was_lost ? result.runner : std::string{});
  }

private:
  const std::weak_ptr<supervisor_core> core_;
  const std::uint64_t ticket_;
};

std::unique_ptr<completion> attempt::placed() {
  return std::make_unique<placement_outcome>(core_.weak_from_this(), ticket_);
}

bool is_orderly(const caf::error& reason) {
  return !reason || reason == caf::exit_reason::user_shutdown
         || reason == errc::restart_intensity;
}

} // namespace

supervisor_core::supervisor_core(caf::event_based_actor* self,
                                 supervisor_options options,
                                 std::shared_ptr<child_places> places,
                                 caf::actor_addr owner,
                                 std::shared_ptr<child_report> report)
  : self_(self),
    options_(std::move(options)),
    places_(std::move(places)),
    owner_(std::move(owner)),
    report_(std::move(report)),
    log_(log_from(options_.log)),
    timers_(spawn_inline_actor(
      self->system(),
      [address = self->address()](const caf::message& what) {
        if (auto alive = caf::actor_cast<caf::actor>(address))
          caf::anon_send(alive, what);
      })),
    cursor_(children_.end()) {
  // Here and not when it begins: by then, somebody may refer to a child.
  for (auto& spec : std::exchange(options_.children, {})) {
    if (is_dynamic())
      blueprint_ = with_defaults(spec);
    else
      enter(children_.add(with_defaults(spec)), child_phase::waiting);
  }
}

supervisor_core::~supervisor_core() = default;

caf::behavior supervisor_core::begin() {
  auto core = shared_from_this();
  if (owner_)
    kept_ = self_->ctrl();
  self_->attach_functor([core] {
    core->cleaned_up();
  });
  supervisor_registry::instance().add(
    {self_->address(), options_.name, to_string(options_.strategy)});
  self_->set_down_handler([core](const caf::down_msg& what) {
    core->actor_ended(what);
  });
  self_->set_exit_handler([core](const caf::exit_msg& what) {
    core->exit_told(what);
  });
  self_->set_default_handler(caf::drop);
  // By default an actor ends when somebody answers it with an error.
  self_->set_error_handler([](caf::error&) {
    // nop
  });
  // A message: before it has a behaviour, an actor cannot end. The first one.
  self_->send<caf::message_priority::high>(self_, begin_atom::value);
  return handlers();
}

caf::behavior supervisor_core::handlers() {
  auto core = shared_from_this();
  caf::message_handler inner{
    [core](begin_atom) {
      if (core->ending_)
        return;
      core->begin_starting();
      core->advance();
    },
    [core](started_atom, std::uint64_t ticket, const caf::actor& child) {
      core->start_succeeded(ticket, {child, {}}, {});
    },
    [core](failed_atom, std::uint64_t ticket, const caf::error& why) {
      core->start_failed(ticket, why, {});
    },
    [core](wake_atom, std::uint64_t ticket) {
      core->wake(ticket);
    },
    [core](resume_atom, std::uint64_t number) {
      core->resume(number);
    },
    [core](overdue_atom, std::uint64_t ticket) {
      core->overdue(ticket);
    },
    [core](kill_all_atom) {
      core->kill_all();
    },
  };
  caf::message_handler outer{
    [core](flame::start_child& what) {
      return core->start_child(what);
    },
    [core](flame::start_one& what) {
      return core->start_one(what);
    },
    [core](const flame::terminate_child& what) {
      return core->terminate_child(what);
    },
    [core](const flame::restart_child& what) {
      return core->restart_child(what.id);
    },
    [core](const flame::delete_child& what) {
      return core->delete_child(what.id);
    },
    [core](const flame::which_children&) {
      return core->which_children();
    },
    [core](const flame::count_children&) {
      return core->count_children();
    },
    [core](const flame::get_spec& what) {
      return core->get_spec(what.id);
    },
    [core](flame::change_options& what) {
      return core->change_options(what.options);
    },
  };
  return inner.or_else(outer);
}

// -- starts -------------------------------------------------------------------

void supervisor_core::start(child_ptr child, start_cause cause) {
  child->cause = cause;
  child->is_held = false;
  enter(child, child_phase::starting);
  attempt now{*this, children_.give_ticket(child)};
  // Copies: a child that cannot be started may be gone before this returns.
  auto how = child->spec.start.impl();
  auto args = child->args;
  try {
    how->start(now, args);
  } catch (...) {
    now.failed_with_current_exception();
  }
}

void supervisor_core::made(std::uint64_t ticket, const caf::actor& child) {
  auto which = children_.find(ticket);
  if (which != children_.end())
    take_handle(which, child);
}

bool supervisor_core::take_handle(child_ptr child, const caf::actor& handle) {
  if (!children_.set_handle(child, handle))
    return false;
  self_->monitor(handle);
  return true;
}

void supervisor_core::start_succeeded(std::uint64_t ticket, started what,
                                      const std::string& runner) {
  auto child = children_.find(ticket);
  if (child == children_.end()) {
    // A placement that is not waited for any more.
    if (!runner.empty() && what.child)
      caf::anon_send_exit(what.child, caf::exit_reason::kill);
    return;
  }
  children_.forget_ticket(child);
  if (!what.child)
    return is_ignored(child);
  if (!child->handle && !take_handle(child, what.child))
    return start_has_failed(
      child,
      make_error(errc::child_running,
                 fmt::format("the start function of child {} returned an actor "
                             "that is a child of this supervisor already",
                             child->spec.id)),
      {});
  // Its start function may have linked it.
  if (runner.empty())
    self_->unlink_from(child->handle);
  child->info = std::move(what.info);
  child->runner = runner;
  is_running(child);
}

void supervisor_core::is_running(child_ptr child) {
  enter(child, child_phase::running);
  child->running_since = self_->clock().now();
  ++child->incarnations;
  log_->debug("child runs supervisor={} child={} runner={}", options_.name,
              child->spec.id, child->runner);
  // It is not started again, so what it was started with need not be kept.
  if (child->is_temporary()) {
    child->spec.start = {};
    child->args = {};
  }
  answer_start(child, {});
  if (child->is_unwanted)
    stop(child, child->then);
  advance();
}

/// The start function has said that the child is not wanted.
void supervisor_core::is_ignored(child_ptr child) {
  enter(child, child_phase::stopped);
  answer_start(child, {});
  if (child->is_unwanted)
    return has_stopped(child);
  stand_down(child);
  advance();
}

void supervisor_core::start_failed(std::uint64_t ticket, const caf::error& why,
                                   const std::string& runner) {
  auto child = children_.find(ticket);
  if (child == children_.end())
    return;
  children_.forget_ticket(child);
  start_has_failed(child, why, runner);
}

void supervisor_core::start_has_failed(child_ptr child, const caf::error& why,
                                       const std::string& lost_runner) {
  // If it has an actor, that one ends by itself: it is no child any more.
  children_.forget_handle(child);
  log_->error("child could not be started supervisor={} child={} reason={}",
              options_.name, child->spec.id, text_of(why));
  answer_start(child, why);
  if (child->is_unwanted) {
    if (child->cause == start_cause::added)
      child->then = after_stop::forget;
    return has_stopped(child);
  }
  switch (child->cause) {
    case start_cause::added:
      forget(child);
      return advance();
    case start_cause::asked:
      enter(child, child_phase::stopped);
      return advance();
    case start_cause::supervisor:
      break;
  }
  if (ending_) {
    stand_down(child);
    return advance();
  }
  if (has_begun_)
    return restart_after(child, why, lost_runner, false);
  enter(child, child_phase::stopped);
  end(make_error(errc::child_failed,
                 fmt::format("supervisor {} could not start child {}: {}",
                             options_.name, child->spec.id, text_of(why))));
}

void supervisor_core::answer_start(child_ptr child, const caf::error& problem) {
  auto promise = std::exchange(child->on_started, {});
  if (!promise.pending())
    return;
  if (problem)
    promise.deliver(problem);
  else
    promise.deliver(about(child));
}

// -- ends ---------------------------------------------------------------------

void supervisor_core::exit_told(const caf::exit_msg& what) {
  if (owner_ && what.source == owner_)
    return end(what.reason ? what.reason
                           : caf::error{caf::exit_reason::user_shutdown});
  // Not of a child that has linked itself: that is watched by its monitor, and
  // may be known as another incarnation by now.
  auto is_told_to = !what.source
                    || what.reason == caf::exit_reason::user_shutdown
                    || what.source.node() != self_->node();
  auto is_child = what.source && children_.find(what.source) != children_.end();
  if (what.reason && is_told_to && !is_child)
    end(what.reason);
}

void supervisor_core::actor_ended(const caf::down_msg& what) {
  auto child = children_.find(what.source);
  if (child == children_.end() || !child->handle
      || child->address != what.source)
    return;
  child->handle = nullptr;
  switch (child->phase) {
    case child_phase::running:
      return has_ended(child, what.reason);
    case child_phase::stopping:
      return has_stopped(child);
    case child_phase::starting:
      children_.forget_ticket(child);
      return start_has_failed(
        child,
        make_error(errc::child_failed,
                   fmt::format("child {} ended before its initialisation was "
                               "complete: {}",
                               child->spec.id, text_of(what.reason))),
        {});
    default:
      return;
  }
}

/// It has ended by itself.
void supervisor_core::has_ended(child_ptr child, const caf::error& reason) {
  auto lost_runner = reason == caf::exit_reason::remote_link_unreachable
                       ? child->runner
                       : std::string{};
  child->runner.clear();
  if (ending_ || is_swept(child)) {
    // It was about to be told.
    if (ending_ || child->is_temporary())
      stand_down(child);
    else
      enter(child, child_phase::waiting);
    leave_if_all_stopped();
    return advance();
  }
  auto restarts =
    child->spec.restart == restart::permanent
    || (child->spec.restart == restart::transient && !is_orderly(reason));
  if (restarts)
    return restart_after(child, reason, lost_runner, true);
  log_->info("child has ended supervisor={} child={} reason={}", options_.name,
             child->spec.id, text_of(reason));
  auto was_significant = child->spec.significant;
  stand_down(child);
  if (was_significant)
    end_for_significance();
  advance();
}

/// Tells a child that has an actor to end.
void supervisor_core::stop(child_ptr child, after_stop then, bool has_timer) {
  child->then = then;
  child->is_unwanted = false;
  children_.forget_ticket(child);
  answer_start(child, make_error(errc::cancelled,
                                 fmt::format("child {} was stopped before it "
                                             "had started",
                                             child->spec.id)));
  enter(child, child_phase::stopping);
  auto time = *child->spec.shutdown;
  if (time == brutal_kill) {
    self_->send_exit(child->handle, caf::exit_reason::kill);
    return;
  }
  self_->send_exit(child->handle, caf::exit_reason::user_shutdown);
  if (has_timer && !is_endless(time))
    send_later(time, overdue_atom::value, children_.give_ticket(child));
}

void supervisor_core::overdue(std::uint64_t ticket) {
  auto child = children_.find(ticket);
  if (child == children_.end() || child->phase != child_phase::stopping)
    return;
  log_->warn("child has not ended in time and is killed supervisor={} child={}",
             options_.name, child->spec.id);
  self_->send_exit(child->handle, caf::exit_reason::kill);
}

void supervisor_core::has_stopped(child_ptr child) {
  auto waiting = std::exchange(child->on_stopped, {});
  child->runner.clear();
  child->is_unwanted = false;
  children_.forget_ticket(child);
  switch (child->then) {
    case after_stop::wait:
      enter(child, child_phase::waiting);
      break;
    case after_stop::stay:
      enter(child, child_phase::stopped);
      break;
    case after_stop::forget:
      forget(child);
      break;
  }
  for (auto& promise : waiting)
    promise.deliver(caf::unit);
  leave_if_all_stopped();
  advance();
}

/// It has no actor, and gets no other one for the time being.
void supervisor_core::stand_down(child_ptr child) {
  children_.forget_ticket(child);
  if (child->is_temporary() || is_dynamic())
    forget(child);
  else
    enter(child, child_phase::stopped);
}

void supervisor_core::forget(child_ptr child) {
  enter(child, child_phase::stopped);
  if (cursor_ == child) {
    if (sweep_ == sweep::stopping)
      cursor_ = child == children_.begin() ? children_.end() : std::prev(child);
    else
      ++cursor_;
  }
  children_.erase(child);
}

void supervisor_core::enter(child_ptr child, child_phase phase) {
  auto lives = [](child_phase each) {
    return each >= child_phase::starting ? 1u : 0u;
  };
  alive_ = alive_ - lives(child->phase) + lives(phase);
  child->phase = phase;
  child_place place;
  if (phase == child_phase::running)
    place = {child_place::state::present, child->handle};
  else if (ending_)
    place.now = child_place::state::closed;
  else if (phase == child_phase::waiting || phase == child_phase::starting
           || (phase == child_phase::stopping
               && child->then == after_stop::wait))
    place.now = child_place::state::awaited;
  if (std::exchange(child->place, place.now) != place.now)
    places_->set(child->spec.id, place);
}

void supervisor_core::send_later(duration time, caf::message what) {
  self_->clock().schedule_message(
    self_->clock().now() + time,
    caf::actor_cast<caf::strong_actor_ptr>(timers_),
    caf::make_mailbox_element(nullptr, caf::make_message_id(), {},
                              std::move(what)));
}

child_info supervisor_core::about(child_ptr child) const {
  auto status = [&] {
    switch (child->phase) {
      case child_phase::waiting:
        return child_status::restarting;
      case child_phase::starting:
        return child_status::starting;
      case child_phase::running:
        return child_status::running;
      case child_phase::stopping:
        return child_status::stopping;
      default:
        return child_status::stopped;
    }
  };
  auto runs = child->phase == child_phase::running;
  return {child->spec.id,
          child->handle,
          status(),
          *child->spec.type,
          child->runner,
          child->info,
          std::max<std::size_t>(child->incarnations, 1) - 1,
          runs ? self_->clock().now() - child->running_since : duration{0}};
}

std::string supervisor_core::text_of(const caf::error& reason) const {
  if (!reason)
    return "normal";
  return code_of(reason) == errc{} ? self_->system().render(reason)
                                   : describe(reason);
}

} // namespace flame::detail
