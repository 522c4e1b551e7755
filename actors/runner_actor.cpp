#include "runner_actor.hpp"

#include <fmt/format.h>

#include <sys/socket.h>

#include "control_link.hpp"
#include "logging.hpp"
#include "timers.hpp"

namespace flame::detail {

namespace {

using vacant_atom = caf::atom_constant<caf::atom("flVacant")>;
using suspect_atom = caf::atom_constant<caf::atom("flSuspect")>;
using silent_atom = caf::atom_constant<caf::atom("flSilent")>;
using undrained_atom = caf::atom_constant<caf::atom("flUndrain")>;
using overdue_atom = caf::atom_constant<caf::atom("flOverdue")>;
using unreported_atom = caf::atom_constant<caf::atom("flUnreport")>;

/// How long a runner of which a lane has ended may take to answer, and how long
/// one that has lost touch may take to be seen ended by its backend, before it
/// is ended.
constexpr auto verdict_time = std::chrono::milliseconds{500};

/// How long a backend may take to report the end of an instance that it was
/// told to end. Then the runner counts as ended without it: neither its place
/// in the pool nor a shutdown may depend on a backend that has lost track.
constexpr auto report_time = std::chrono::seconds{5};

} // namespace

runner_actor::runner_actor(caf::actor_config& cfg, caf::actor pool,
                           std::shared_ptr<pool_core> core,
                           std::shared_ptr<backend> provider,
                           std::shared_ptr<const runner_context> context,
                           std::uint64_t id, std::string name)
  : event_based_actor(cfg),
    pool_(std::move(pool)),
    core_(std::move(core)),
    provider_(std::move(provider)),
    context_(std::move(context)),
    id_(id),
    name_(std::move(name)),
    born_(std::chrono::steady_clock::now()) {
  // nop
}

const char* runner_actor::name() const {
  return "flame.runner";
}

void runner_actor::on_exit() {
  // Whatever ended this actor, nothing of the runner is left behind: not even
  // while a timer that has been set still refers to it.
  if (state_ != runner_state::gone) {
    finish(slots_ ? runner_gone::how::lost : runner_gone::how::boot_failed,
           std::make_shared<const loss>(
             loss{errc::runner_lost, "its actor was ended", name_}));
  }
  boot_.request_stop();
  beat_.reset();
  instance_.reset();
  provider_.reset();
  lanes_.reset();
  slots_.reset();
  terminator_ = nullptr;
}

caf::behavior runner_actor::make_behavior() {
  monitor(pool_);
  set_down_handler([this](const caf::down_msg& what) {
    if (what.source == pool_.address())
      quit(caf::exit_reason::user_shutdown);
    else
      lost_touch();
  });
  show();
  // Also of a backend that the program has brought along.
  try {
    boot();
  } catch (const call_error& error) {
    boot_failed(error.code(), error.what());
  } catch (const std::exception& error) {
    boot_failed(errc::boot_failed, error.what());
  } catch (...) {
    boot_failed(errc::boot_failed, "the backend threw an unknown exception");
  }
  return {
    [this](instance_started& message) {
      started(message);
    },
    [this](instance_ended& message) {
      ended(to_string(message.info));
    },
    [this](join_atom, const std::vector<char>& greeting,
           const caf::actor& terminator, const caf::actor& orders) {
      return join(greeting, terminator, orders);
    },
    [this](report_atom) {
      report();
    },
    [this](retired_atom) {
      enter(runner_event::let_go);
      vacant();
    },
    [this](drain_atom) {
      drain();
    },
    [this](vacant_atom) {
      vacant();
    },
    [this](suspect_atom) {
      suspect();
    },
    [this](wedged_atom) {
      wedged();
    },
    [this](silent_atom) {
      silent();
    },
    [this](undrained_atom) {
      end_wedged();
    },
    [this](wait_atom) {
      give_up_boot();
    },
    [this](overdue_atom) {
      overdue();
    },
    [this](unreported_atom) {
      unreported();
    },
  };
}

/// Tells the pool once more what it may have told an actor that has ended.
void runner_actor::report() {
  if (!slots_)
    return;
  send(pool_, runner_ready{id_, slots_});
  if (state_ == runner_state::wedged)
    send(pool_, wedged_atom::value, id_);
  else if (state_ == runner_state::draining)
    send(pool_, retired_atom::value, id_);
}

bool runner_actor::has_heartbeat() const {
  return core_->options.heartbeat.interval > duration::zero() && context_->beats
         && (context_->signs & by_heartbeat) != 0
         && !provider_->is_in_process();
}

void runner_actor::boot() {
  auto pair = make_socket_pair(SOCK_SEQPACKET);
  lanes_ = std::make_shared<lane_opener>(std::move(pair.parent),
                                         core_->options.max_message);
  auto& options = core_->options;
  welcome greeting{core_->name,
                   name_,
                   id_,
                   options.max_message,
                   options.boot_timeout,
                   options.shutdown_timeout,
                   options.isolation,
                   options.memory_limit,
                   options.max_calls_per_worker,
                   options.stop_grace,
                   has_heartbeat() ? options.heartbeat.interval : duration{},
                   options.heartbeat.tolerance,
                   ::getpid(),
                   context_->signs,
                   context_->pubsub};
  auto bytes = to_bytes(greeting);
  lanes_->send_message(std::as_bytes(std::span{bytes}));
  if (has_heartbeat()) {
    auto beats = make_socket_pair(SOCK_SEQPACKET);
    beat_ = std::move(beats.parent);
    lanes_->pass(beats.runner.get(), heartbeat_connection);
  }
  send(context_->gateway, expect_atom::value, id_, caf::actor{this});

  boot_request request;
  request.pool = core_->name;
  request.runner = name_;
  request.deadline = time_after(born_, core_->options.boot_timeout);
  request.cancelled = boot_.get_token();
  request.command = context_->command;
  request.environment = {{"FLAME_RUNNER", "3,4"}};
  request.settings = core_->options.backend.settings;
  request.sockets.lanes = std::move(pair.runner);
  if (!provider_->is_in_process()) {
    auto control = make_socket_pair(SOCK_STREAM);
    request.sockets.control = std::move(control.runner);
    accept_control(system(), std::move(control.parent), context_->gateway);
  }
  request.serve_here = [context = context_, greeting](
                         runner_sockets sockets, std::function<void()> ended) {
    context->serve_here(greeting, std::move(sockets), std::move(ended));
  };
  // Weak: what a backend holds on to must not keep this actor, nor through it
  // the backend.
  auto self = caf::actor_cast<caf::actor_addr>(this);
  request.on_exit = [self](exit_info info) {
    if (auto alive = caf::actor_cast<caf::actor>(self))
      caf::anon_send(alive, instance_ended{std::move(info)});
  };
  request.on_output = [name = name_,
                       log = core_->log](const std::string& line) {
    log->info("output runner={} | {}", name, line);
  };
  send_after(this, core_->options.boot_timeout, wait_atom::value);
  provider_->boot(std::move(request), [self](backend::boot_result result) {
    instance_started message;
    if (result)
      message.started = std::move(*result);
    else
      message.problem = std::move(result.error());
    if (auto alive = caf::actor_cast<caf::actor>(self))
      caf::anon_send(alive, std::move(message));
  });
}

void runner_actor::started(instance_started& message) {
  if (message.problem) {
    boot_failed(code_of(message.problem), call_error{message.problem}.what());
    return;
  }
  instance_ = std::move(message.started);
  if (state_ == runner_state::gone || !verdict_.empty())
    terminate();
  else
    enter(runner_event::started);
}

void runner_actor::boot_failed(errc code, std::string why) {
  if (code != errc::invalid_configuration && code != errc::out_of_resources)
    code = errc::boot_failed;
  finish(runner_gone::how::boot_failed,
         std::make_shared<const loss>(loss{code, std::move(why), name_}));
}

caf::result<void> runner_actor::join(const std::vector<char>& greeting,
                                     const caf::actor& terminator,
                                     const caf::actor& orders) {
  hello theirs;
  try {
    theirs = from_bytes<hello>(greeting);
  } catch (const call_error& error) {
    return error.to_error();
  }
  auto difference = program_difference(thunk_modules(), theirs.modules);
  if (difference && core_->options.allow_different_builds) {
    core_->log->info("runner is another build pool={} runner={} {}",
                     core_->name, name_, *difference);
  } else if (difference) {
    verdict_ = *difference;
    verdict_code_ = errc::different_program;
    return make_error(errc::different_program, *difference, name_);
  }
  // Whoever waits must not get a slot of a runner that is being ended.
  if (!verdict_.empty() || !enter(runner_event::joined))
    return make_error(errc::backend_failed,
                      "the runner joins too late: it was given up", name_);
  make_ready(terminator, orders, theirs.pid);
  return caf::unit;
}

void runner_actor::make_ready(const caf::actor& terminator,
                              const caf::actor& orders, int pid) {
  terminator_ = terminator;
  monitor(terminator_);
  slots_ = std::make_shared<runner_slots>(
    name_, core_->options.max_concurrency, lanes_, orders,
    telling(vacant_atom::value), telling(suspect_atom::value),
    telling(wedged_atom::value), core_->options.single_use);
  if (beat_)
    beat_key_ = context_->beats->watch(
      std::move(beat_), core_->options.heartbeat, telling(silent_atom::value));
  pid_ = pid;
  show();
  // Before anybody can have been served, who may ask.
  core_->count.boots += 1;
  // First the slots, then the news: else the pool would see a runner less on
  // its way and callers that still wait, and boot another one for them.
  core_->table.add(slots_);
  send(pool_, runner_ready{id_, slots_});
  auto took = std::chrono::steady_clock::now() - born_;
  core_->log->info("runner is ready pool={} runner={} pid={} boot_ms={:.1f}",
                   core_->name, name_, pid,
                   std::chrono::duration<double, std::milli>(took).count());
}

void runner_actor::drain() {
  if (state_ == runner_state::booting || state_ == runner_state::connecting) {
    verdict_ = "it is not needed any more";
    boot_.request_stop();
    terminate();
    return;
  }
  if (!enter(runner_event::let_go))
    return;
  send(terminator_, drain_atom::value);
  send_after(this, core_->options.shutdown_timeout, overdue_atom::value);
  core_->table.retire(*slots_);
}

void runner_actor::vacant() {
  end_wedged();
  // Nobody has asked for it: the table has retired a runner of single_use.
  if (state_ == runner_state::ready) {
    enter(runner_event::let_go);
    send(pool_, retired_atom::value, id_);
  }
  if (state_ != runner_state::draining)
    return;
  send(terminator_, stop_atom::value);
  // It has nothing to do any more, so it needs no time to end.
  delayed_send(this, std::chrono::seconds{5}, overdue_atom::value);
}

void runner_actor::wedged() {
  if (!enter(runner_event::wedged))
    return;
  core_->log->warn("runner is wedged pool={} runner={} a call has not ended "
                   "within stop_grace of being asked to stop: no new work "
                   "comes here, and what else runs has drain_timeout to end",
                   core_->name, name_);
  send(pool_, wedged_atom::value, id_);
  send_after(this, core_->options.drain_timeout, undrained_atom::value);
}

void runner_actor::end_wedged() {
  if (state_ != runner_state::wedged || !verdict_.empty())
    return;
  verdict_ = fmt::format(
    "was ended by force: a call on it had not ended {:g} s after it was asked "
    "to stop (stop_grace)",
    std::chrono::duration<double>(core_->options.stop_grace).count());
  terminate();
}

/// A lane has ended. So do all of them when the runner does; one alone does
/// when the runner has no descriptor for it, or no memory.
void runner_actor::suspect() {
  if (!slots_)
    return;
  request(terminator_, verdict_time, wait_atom::value)
    .then(
      [this] {
        core_->table.clear_suspicion(
          *slots_,
          std::make_shared<const loss>(
            loss{errc::out_of_resources,
                 fmt::format("runner {} ended the lane of a call and is there "
                             "all the same: it has no descriptors left (see "
                             "ulimit -n), or no memory",
                             name_),
                 name_}),
          std::make_shared<const loss>(
            loss{errc::call_crashed,
                 fmt::format("the process of the call ended on runner {}, in "
                             "the middle of what it sent",
                             name_),
                 name_}));
      },
      [this](const caf::error&) {
        lost_touch();
      });
}

/// It is there, and does nothing.
void runner_actor::silent() {
  if (!enter(runner_event::lost_touch))
    return;
  verdict_ = fmt::format(
    "was given up and ended by force, as it had not answered a heart-beat for "
    "nearly {:g} s (heartbeat.tolerance)",
    std::chrono::duration<double>(core_->options.heartbeat.tolerance).count());
  core_->log->warn("runner is silent pool={} runner={}", core_->name, name_);
  core_->table.retire(*slots_);
  terminate();
}

void runner_actor::lost_touch() {
  if (enter(runner_event::lost_touch))
    delayed_send(this, verdict_time, overdue_atom::value);
}

void runner_actor::give_up_boot() {
  if (state_ != runner_state::booting && state_ != runner_state::connecting)
    return;
  if (verdict_.empty())
    verdict_ = fmt::format(
      "it did not join within boot_timeout, {:g} s",
      std::chrono::duration<double>(core_->options.boot_timeout).count());
  boot_.request_stop();
  if (instance_)
    terminate();
  else
    finish(
      runner_gone::how::boot_failed,
      std::make_shared<const loss>(loss{errc::boot_failed, verdict_, name_}));
}

void runner_actor::ended(std::string text) {
  if (!verdict_.empty())
    text = verdict_ + "; " + text;
  auto code = verdict_code_;
  auto how = runner_gone::how::lost;
  switch (state_) {
    case runner_state::booting:
    case runner_state::connecting:
      how = runner_gone::how::boot_failed;
      if (code == errc::runner_lost)
        code = errc::boot_failed;
      break;
    case runner_state::draining:
      how = runner_gone::how::let_go;
      break;
    default:
      break;
  }
  finish(how, std::make_shared<const loss>(
                loss{code, fmt::format("runner {} {}", name_, text), name_}));
}

void runner_actor::finish(runner_gone::how why, loss_ptr cause) {
  if (!enter(runner_event::ended))
    return;
  if (beat_key_ != 0)
    context_->beats->unwatch(beat_key_);
  if (slots_)
    core_->table.remove(*slots_, cause);
  // What cannot be ended by force, in this process or where its backend has
  // lost track, may still hear of it.
  if (terminator_)
    caf::anon_send(terminator_, stop_atom::value);
  send(context_->gateway, forget_atom::value, id_);
  send(pool_, runner_gone{id_, why, cause});
  core_->hide(id_);
  // The pool has had many runners, and would keep who watches it.
  demonitor(pool_.address());
  quit();
}

bool runner_actor::enter(runner_event event) {
  auto next = next_state(state_, event);
  if (!next)
    return false;
  state_ = *next;
  if (state_ != runner_state::gone)
    show();
  return true;
}

/// To whoever looks at the pool.
void runner_actor::show() {
  core_->show(id_, {name_, state_, pid_, born_, slots_});
}

void runner_actor::overdue() {
  if (state_ == runner_state::draining && verdict_.empty())
    verdict_ = "was ended by force, as it did not end within shutdown_timeout";
  if (state_ == runner_state::severed && verdict_.empty())
    verdict_ = "was ended by force, as it did not answer any more";
  terminate();
}

void runner_actor::terminate() {
  if (instance_)
    instance_->terminate();
  delayed_send(this, report_time, unreported_atom::value);
}

void runner_actor::unreported() {
  ended(fmt::format("its backend did not report its end within {} s of being "
                    "told to end it",
                    report_time.count()));
}

std::function<void()> runner_actor::telling(caf::atom_value what) {
  // Weak: the table, which keeps this function, must not keep the actor.
  auto self = caf::actor_cast<caf::actor_addr>(this);
  return [self, what] {
    if (auto alive = caf::actor_cast<caf::actor>(self))
      caf::anon_send(alive, what);
  };
}

} // namespace flame::detail
