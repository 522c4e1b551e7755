#include "pool_actor.hpp"

#include <algorithm>

#include <fmt/format.h>

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
                       std::shared_ptr<backend> provider,
                       std::shared_ptr<const runner_context> context)
  : event_based_actor(cfg),
    core_(std::move(core)),
    provider_(std::move(provider)),
    context_(std::move(context)) {
  // nop
}

const char* pool_actor::name() const {
  return "flame.pool";
}

void pool_actor::on_exit() {
  provider_.reset();
  core_->table.close(std::make_shared<const loss>(
    loss{errc::pool_closed,
         fmt::format("pool {} has been shut down", core_->name),
         {}}));
}

caf::behavior pool_actor::make_behavior() {
  set_exit_handler([this](const caf::exit_msg& exit) {
    // Runners end with their pool; a runner's end is a message of its own.
    if (exit.source == address() || exit.reason == caf::exit_reason::kill
        || exit.reason == caf::exit_reason::user_shutdown)
      quit(exit.reason);
  });
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
      idle_check_scheduled_ = false;
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

// -- growing ------------------------------------------------------------------

void pool_actor::grow() {
  auto queued = core_->table.take_demand();
  if (closing_)
    return;
  auto have = booting();
  auto per_runner = core_->options.max_concurrency;
  auto for_queue = (queued + per_runner - 1) / per_runner;
  auto want = std::max(for_queue, wanted() + have);
  if (want <= have || members_.size() >= core_->options.max)
    return;
  auto now = clock().now();
  if (now < boot_again_at_) {
    if (!std::exchange(retry_scheduled_, true))
      delayed_send(this, boot_again_at_ - now, retry_atom::value);
    return;
  }
  auto room = core_->options.max - members_.size();
  auto count = std::min(want - have, room);
  // While boots fail, one at a time finds out whether they still do.
  if (boot_delay_.count() > 0)
    count = have == 0 ? 1 : 0;
  for (std::size_t i = 0; i < count; ++i)
    boot_one();
}

/// Runners that `min` asks for and that are neither there nor on their way.
std::size_t pool_actor::wanted() const {
  auto have = staying();
  return core_->options.min > have ? core_->options.min - have : 0;
}

void pool_actor::boot_one() {
  auto id = next_runner_id();
  auto name = fmt::format("{}-{}", core_->name, ++named_);
  auto handle = spawn<runner_actor>(caf::actor{this}, core_, provider_,
                                    context_, id, std::move(name));
  members_.emplace(id, member{std::move(handle), clock().now()});
  core_->count.booting = booting();
}

void pool_actor::became_ready(const runner_ready& message) {
  auto i = members_.find(message.id);
  if (i == members_.end())
    return;
  i->second.slots = message.slots;
  boot_delay_ = {};
  boot_again_at_ = time_point::min();
  core_->set_boot_problem(nullptr);
  core_->count.booting = booting();
  if (ready() >= core_->options.min)
    answer_waiting({});
  grow();
  if (!idle_check_scheduled_)
    schedule_idle_check(time_after(std::chrono::steady_clock::now(),
                                   core_->options.idle_shutdown_after));
}

std::size_t pool_actor::booting() const {
  return static_cast<std::size_t>(
    std::ranges::count_if(members_, [](const auto& entry) {
      return !entry.second.slots;
    }));
}

std::size_t pool_actor::ready() const {
  return static_cast<std::size_t>(
    std::ranges::count_if(members_, [](const auto& entry) {
      return entry.second.slots && !entry.second.is_retired;
    }));
}

/// Runners that are there or on their way, without those that are going.
std::size_t pool_actor::staying() const {
  return static_cast<std::size_t>(
    std::ranges::count_if(members_, [](const auto& entry) {
      return !entry.second.is_retired;
    }));
}

// -- shrinking ----------------------------------------------------------------

/// It is wedged, or has had its single use. Its place is free only when it has
/// ended; below `max`, another one need not wait for that.
void pool_actor::takes_no_more(std::uint64_t id) {
  auto i = members_.find(id);
  if (i == members_.end())
    return;
  i->second.is_retired = true;
  grow();
}

void pool_actor::is_gone(const runner_gone& message) {
  auto i = members_.find(message.id);
  if (i == members_.end())
    return;
  auto begun = i->second.begun;
  members_.erase(i);
  core_->count.booting = booting();
  switch (message.why) {
    case runner_gone::how::boot_failed:
      boot_failed(message, begun);
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
  if (closing_)
    finish_shutdown();
  else
    grow();
}

void pool_actor::boot_failed(const runner_gone& message, time_point begun) {
  core_->count.failed_boots += 1;
  if (closing_)
    return;
  core_->set_boot_problem(message.cause);
  // Boots that were under way together fail for one reason: the first of them
  // counts.
  if (begun >= boot_again_at_) {
    boot_delay_ =
      std::clamp(boot_delay_ * 2, first_boot_delay, longest_boot_delay);
    boot_again_at_ = clock().now() + boot_delay_;
  }
  core_->log->error("boot failed pool={} runner={} retry_ms={} {}", core_->name,
                    message.cause->runner, boot_delay_.count(),
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
  auto patience = core_->options.idle_shutdown_after;
  if (closing_ || is_endless(patience))
    return;
  auto now = std::chrono::steady_clock::now();
  auto next = now + std::max<duration>(patience, shortest_wait);
  auto have = staying();
  for (auto& [id, each] : members_) {
    if (!each.slots || each.is_retired)
      continue;
    if (have <= core_->options.min)
      break;
    // The table decides, so that no call can slip in between.
    if (core_->table.retire_if_idle(*each.slots, now - patience)) {
      each.is_retired = true;
      --have;
      send(each.handle, retired_atom::value);
    } else if (auto since = core_->table.idle_since(*each.slots)) {
      next = std::min(next, std::max(*since + patience, now + shortest_wait));
    }
  }
  // Nobody can go but who is above `min`; the next runner that gets ready
  // brings the next look.
  if (have > core_->options.min)
    schedule_idle_check(next);
}

void pool_actor::schedule_idle_check(time_point when) {
  if (is_endless(core_->options.idle_shutdown_after))
    return;
  idle_check_scheduled_ = true;
  delayed_send(this, when - std::chrono::steady_clock::now(), tick_atom::value);
}

// -- start and end ------------------------------------------------------------

caf::result<void> pool_actor::await_minimum() {
  auto promise = make_response_promise();
  awaiting_minimum_.push_back(promise);
  if (ready() >= core_->options.min)
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
  if (!std::exchange(closing_, true)) {
    core_->table.close(std::make_shared<const loss>(
      loss{errc::pool_closed,
           fmt::format("pool {} is shutting down", core_->name),
           {}}));
    for (auto& [id, each] : members_)
      send(each.handle, drain_atom::value);
  }
  finish_shutdown();
  return promise;
}

void pool_actor::finish_shutdown() {
  if (!members_.empty())
    return;
  for (auto& promise : std::exchange(awaiting_end_, {}))
    promise.deliver(caf::unit);
  for (auto& promise : std::exchange(awaiting_minimum_, {}))
    promise.deliver(make_error(errc::pool_closed, "the pool is closed"));
  quit();
}

} // namespace flame::detail
