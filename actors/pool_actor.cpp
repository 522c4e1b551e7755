#include "pool_actor.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "hooks.hpp"
#include "logging.hpp"
#include "timers.hpp"

namespace flame::detail {

namespace {

using retry_atom = caf::atom_constant<caf::atom("flRetry")>;

/// Between boots that fail: long enough to be no burden, short enough to be
/// there soon after the cause is mended.
constexpr auto first_boot_delay = std::chrono::milliseconds{100};
constexpr auto longest_boot_delay = std::chrono::milliseconds{5000};

/// Until the next look at runners that fall idle, however short
/// `idle_shutdown_after` is.
constexpr auto shortest_wait = std::chrono::milliseconds{1};

/// Numbers of runners are unique in the process: pools share the gateway.
std::uint64_t next_runner_id() {
  static std::atomic<std::uint64_t> last = 0;
  return ++last;
}

} // namespace

pool_actor::pool_actor(caf::actor_config& cfg, std::shared_ptr<pool_core> core,
                       std::shared_ptr<pool_roster> roster,
                       std::shared_ptr<const runner_context> context)
  : event_based_actor(cfg),
    core_(std::move(core)),
    roster_(std::move(roster)),
    context_(std::move(context)) {
  // nop
}

const char* pool_actor::name() const {
  return "flame.pool";
}

void pool_actor::on_exit() {
  // They ask the next one.
  auto why =
    make_error(errc::cancelled,
               fmt::format("the actor of pool {} has ended", core_->name));
  for (auto& promise : std::exchange(awaiting_minimum_, {}))
    promise.deliver(why);
  for (auto& promise : std::exchange(awaiting_end_, {}))
    promise.deliver(why);
}

caf::behavior pool_actor::make_behavior() {
  set_down_handler([this](const caf::down_msg& what) {
    ended_unheard(what.source);
  });
  adopt();
  grow();
  return {
    [this](grow_atom) {
      grow();
    },
    [this](const runner_ready& message) {
      became_ready(message);
    },
    [this](wedged_atom, std::uint64_t id) {
      takes_no_more(id);
    },
    [this](retired_atom, std::uint64_t id) {
      takes_no_more(id);
    },
    [this](const runner_gone& message) {
      is_gone(message);
    },
    [this](tick_atom) {
      // One that was overtaken by an earlier one says nothing.
      if (core_->table.now() < idle_check_at_)
        return;
      idle_check_at_ = time_point::max();
      check_idle();
    },
    [this](retry_atom) {
      retry_scheduled_ = false;
      grow();
    },
    [this](wait_atom) {
      return await_minimum();
    },
    [this](stop_atom) {
      return shut_down();
    },
  };
}

/// Makes the runners of an actor that has ended its own.
void pool_actor::adopt() {
  for (auto& [id, each] : roster_->members) {
    monitor(each.handle);
    send(each.handle, report_atom::value);
    if (roster_->closing)
      send(each.handle, drain_atom::value);
  }
  core_->count.booting = booting();
  if (!roster_->members.empty())
    schedule_idle_check(core_->table.now() + shortest_wait);
}

// -- growing ------------------------------------------------------------------

void pool_actor::grow() {
  auto queued = core_->table.take_demand();
  if (roster_->closing)
    return;
  if (queued > 0)
    roster_->kept = core_->options.min;
  auto have = booting();
  auto per_runner = core_->options.max_concurrency;
  auto for_queue = (queued + per_runner - 1) / per_runner;
  auto want = std::max(for_queue, wanted() + have);
  if (want <= have || roster_->members.size() >= core_->options.max)
    return;
  auto now = clock().now();
  if (now < roster_->boot_again_at) {
    if (!std::exchange(retry_scheduled_, true))
      delayed_send(this, roster_->boot_again_at - now, retry_atom::value);
    return;
  }
  auto room = core_->options.max - roster_->members.size();
  auto count = std::min(want - have, room);
  // While boots fail, one at a time finds out whether they still do.
  if (roster_->boot_delay.count() > 0)
    count = have == 0 ? 1 : 0;
  for (std::size_t i = 0; i < count; ++i)
    boot_one();
}

/// Runners that are to be kept and are neither there nor on their way.
std::size_t pool_actor::wanted() const {
  auto have = staying();
  return roster_->kept > have ? roster_->kept - have : 0;
}

void pool_actor::boot_one() {
  auto id = next_runner_id();
  auto name = fmt::format("{}-{}", core_->name, ++roster_->named);
  auto pool = roster_->address ? roster_->address : caf::actor{this};
  auto handle = spawn<runner_actor>(std::move(pool), core_, roster_->provider,
                                    context_, id, name);
  monitor(handle);
  auto i = roster_->members.emplace(
    id, member{std::move(handle), std::move(name), clock().now()});
  core_->count.booting = booting();
  if (auto& hook = core_->options.on_grow_start)
    run_hook(*core_, "on_grow_start", [&] {
      hook(about(i.first->second));
    });
}

void pool_actor::became_ready(const runner_ready& message) {
  auto i = roster_->members.find(message.id);
  // One that is adopted tells what the last actor may have known.
  if (i == roster_->members.end() || i->second.slots)
    return;
  i->second.slots = message.slots;
  core_->boot_times.add(clock().now() - i->second.begun);
  roster_->boot_delay = {};
  roster_->boot_again_at = time_point::min();
  core_->set_boot_problem(nullptr);
  core_->count.booting = booting();
  if (auto& hook = core_->options.on_grow_end)
    run_hook(*core_, "on_grow_end", [&] {
      hook(about(i->second), nullptr);
    });
  if (ready() >= roster_->kept)
    answer_waiting({});
  grow();
  schedule_idle_check(time_after(core_->table.now(), patience(staying())));
}

std::size_t pool_actor::booting() const {
  return static_cast<std::size_t>(
    std::ranges::count_if(roster_->members, [](const auto& entry) {
      return !entry.second.slots;
    }));
}

std::size_t pool_actor::ready() const {
  return static_cast<std::size_t>(
    std::ranges::count_if(roster_->members, [](const auto& entry) {
      return entry.second.slots && !entry.second.is_retired;
    }));
}

/// Runners that are there or on their way, without those that are going.
std::size_t pool_actor::staying() const {
  return static_cast<std::size_t>(
    std::ranges::count_if(roster_->members, [](const auto& entry) {
      return !entry.second.is_retired;
    }));
}

// -- shrinking ----------------------------------------------------------------

/// It is wedged, or has had its single use. Its place is free only when it has
/// ended; below `max`, another one need not wait for that.
void pool_actor::takes_no_more(std::uint64_t id) {
  auto i = roster_->members.find(id);
  if (i == roster_->members.end())
    return;
  i->second.is_retired = true;
  grow();
}

void pool_actor::is_gone(const runner_gone& message) {
  auto i = roster_->members.find(message.id);
  if (i == roster_->members.end())
    return;
  auto gone = std::move(i->second);
  roster_->members.erase(i);
  core_->count.booting = booting();
  switch (message.why) {
    case runner_gone::how::boot_failed:
      boot_failed(message, gone);
      break;
    case runner_gone::how::lost:
      core_->count.lost += 1;
      core_->log->error("runner was lost pool={} runner={} {}", core_->name,
                        message.cause->runner, message.cause->message);
      break;
    case runner_gone::how::let_go:
      core_->count.retired += 1;
      core_->log->info("runner is gone pool={} runner={}", core_->name,
                       message.cause->runner);
      break;
  }
  if (auto& hook = core_->options.on_shrink; hook && gone.slots)
    run_hook(*core_, "on_shrink", [&] {
      hook(about(gone));
    });
  if (roster_->closing)
    finish_shutdown();
  else
    grow();
}

/// It has told its end to an actor that was there before this one.
void pool_actor::ended_unheard(const caf::actor_addr& runner) {
  auto& all = roster_->members;
  auto i = std::ranges::find_if(all, [&](const auto& entry) {
    return entry.second.handle.address() == runner;
  });
  if (i == all.end())
    return;
  auto why = runner_gone::how::boot_failed;
  if (i->second.slots)
    why =
      i->second.is_retired ? runner_gone::how::let_go : runner_gone::how::lost;
  is_gone({i->first, why,
           std::make_shared<const loss>(
             loss{errc::runner_lost,
                  fmt::format("runner {} ended while the actor of its pool was "
                              "replaced",
                              i->second.name),
                  i->second.name})});
}

void pool_actor::boot_failed(const runner_gone& message, const member& gone) {
  core_->count.failed_boots += 1;
  if (auto& hook = core_->options.on_grow_end)
    run_hook(*core_, "on_grow_end", [&] {
      auto why = message.cause->to_exception();
      hook(about(gone), &why);
    });
  if (roster_->closing)
    return;
  core_->set_boot_problem(message.cause);
  // Boots that were under way together fail for one reason: the first of them
  // counts.
  if (gone.begun >= roster_->boot_again_at) {
    roster_->boot_delay =
      std::clamp(roster_->boot_delay * 2, first_boot_delay, longest_boot_delay);
    roster_->boot_again_at = clock().now() + roster_->boot_delay;
  }
  core_->log->error("boot failed pool={} runner={} retry_ms={} {}", core_->name,
                    message.cause->runner, roster_->boot_delay.count(),
                    message.cause->message);
  answer_waiting(message.cause->to_exception().to_error());
  // Waiting helps with a provider that is short of machines, and not with a
  // program that cannot be started.
  auto is_hopeless = message.cause->code == errc::invalid_configuration
                     || message.cause->code == errc::different_program;
  auto has_runner = core_->table.count().runners > 0;
  if (is_hopeless && !has_runner)
    core_->table.fail_queue(message.cause);
}

void pool_actor::check_idle() {
  if (roster_->closing)
    return;
  auto now = core_->table.now();
  auto next = time_point::max();
  auto have = staying();
  for (auto& [id, each] : roster_->members) {
    if (!each.slots || each.is_retired)
      continue;
    auto time = patience(have);
    if (is_endless(time))
      break;
    if (let_go_if_idle(each, now, time)) {
      --have;
      roster_->kept = std::min(roster_->kept, have);
      continue;
    }
    auto since = core_->table.idle_since(*each.slots).value_or(now);
    next = std::min(next, std::max(std::max(since, each.kept_at) + time,
                                   now + shortest_wait));
  }
  // Where nobody can go, the next runner that gets ready brings the next look.
  if (!is_endless(patience(have)))
    schedule_idle_check(next);
}

bool pool_actor::let_go_if_idle(member& each, time_point now,
                                duration patience) {
  auto since = core_->table.idle_since(*each.slots);
  if (!since || std::max(*since, each.kept_at) > now - patience)
    return false;
  if (!may_go(each)) {
    each.kept_at = now;
    return false;
  }
  // The table decides, so that no call can slip in between.
  if (!core_->table.retire_if_idle(*each.slots, now - patience))
    return false;
  each.is_retired = true;
  send(each.handle, retired_atom::value);
  return true;
}

bool pool_actor::may_go(const member& each) {
  auto& check = core_->options.idle_check;
  if (!check)
    return true;
  bool result = false;
  run_hook(*core_, "idle_check", [&] {
    result = check(about(each));
  });
  return result;
}

/// How long one of this number of runners may be idle.
duration pool_actor::patience(std::size_t runners) const {
  auto& options = core_->options;
  return runners > options.min ? options.idle_shutdown_after
                               : options.min_idle_shutdown_after;
}

void pool_actor::schedule_idle_check(time_point when) {
  if (when >= idle_check_at_)
    return;
  idle_check_at_ = when;
  delayed_send(this, when - core_->table.now(), tick_atom::value);
}

runner_info pool_actor::about(const member& each) const {
  return {core_->name, each.name, ready()};
}

// -- start and end ------------------------------------------------------------

caf::result<void> pool_actor::await_minimum() {
  auto promise = make_response_promise();
  awaiting_minimum_.push_back(promise);
  if (roster_->closing)
    answer_waiting(make_error(errc::pool_closed, "the pool is closed"));
  else if (ready() >= roster_->kept)
    answer_waiting({});
  return promise;
}

void pool_actor::answer_waiting(const caf::error& problem) {
  for (auto& promise : std::exchange(awaiting_minimum_, {})) {
    if (problem)
      promise.deliver(problem);
    else
      promise.deliver(caf::unit);
  }
}

caf::result<void> pool_actor::shut_down() {
  auto promise = make_response_promise();
  awaiting_end_.push_back(promise);
  if (!std::exchange(roster_->closing, true)) {
    core_->table.close(std::make_shared<const loss>(
      loss{errc::pool_closed,
           fmt::format("pool {} is shutting down", core_->name),
           {}}));
    for (auto& [id, each] : roster_->members)
      send(each.handle, drain_atom::value);
  }
  finish_shutdown();
  return promise;
}

/// The actor stays, and answers whoever shuts the pool down once more.
void pool_actor::finish_shutdown() {
  if (!roster_->members.empty())
    return;
  roster_->provider.reset();
  for (auto& promise : std::exchange(awaiting_end_, {}))
    promise.deliver(caf::unit);
  answer_waiting(make_error(errc::pool_closed, "the pool is closed"));
}

} // namespace flame::detail
