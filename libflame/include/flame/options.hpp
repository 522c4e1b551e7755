/// Options of nodes, pools and calls. Aggregates, for designated initialisers.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "flame/detail/export.hpp"
#include "flame/error.hpp"
#include "flame/fwd.hpp"

namespace flame {

/// All time spans of the public interface. Any chrono duration converts to it.
using duration = std::chrono::nanoseconds;

/// The time span that never ends.
inline constexpr duration infinite = duration::max();

/// Which backend boots a pool's runners, and what it is told.
///
/// Converts from a name, so that `.backend = "process"` is enough.
struct backend_options {
  backend_options() = default;

  /// @param its_name the name that the backend is registered by
  /// @param its_settings what this backend understands, see its documentation
  backend_options(std::string its_name,
                  std::map<std::string, std::string> its_settings = {})
    : name(std::move(its_name)),
      settings(std::move(its_settings)) {
    // nop
  }

  backend_options(const char* its_name) : name(its_name) {
    // nop
  }

  /// Empty: the environment variable `FLAME_BACKEND`, or `local` without one.
  std::string name;

  std::map<std::string, std::string> settings;

  friend bool operator==(const backend_options&,
                         const backend_options&) = default;
};

/// What the function of a call is kept apart from others by. The values are part
/// of the wire format.
enum class isolation : unsigned char {
  /// A thread of the runner: the fastest, and it shares the runner's fate, as
  /// all others there.
  thread,
  /// A process of its own beside the runner, a *worker*: a crash, an endless
  /// loop or running out of memory ends this call and no other. docs/isolation.md
  /// says what a worker is, and what it has not.
  process,
};

/// `"thread"` or `"process"`.
FLAME_EXPORT const char* to_string(isolation value) noexcept;

/// Whether a call that has failed is made again. Only calls that are marked as
/// `call_options::idempotent` are; each other one runs at most once.
struct retry_options {
  /// Most attempts, the first one included. 1 to 1,000; 1: none is repeated.
  std::size_t attempts = 1;

  /// Pause before the second attempt; it doubles before each further one, up to
  /// 1 minute or this, whichever is longer.
  duration backoff = std::chrono::milliseconds{100};

  /// The share of each pause that is left to chance, 0 to 1, so that callers who
  /// fail together do not come back together.
  double jitter = 0.5;

  /// The failures that are worth another attempt: any of `runner_lost`,
  /// `boot_failed`, `call_crashed`, `queue_full`, `out_of_resources` and
  /// `remote_exception`.
  std::vector<errc> on = {errc::runner_lost, errc::boot_failed,
                          errc::call_crashed};

  friend bool operator==(const retry_options&, const retry_options&) = default;
};

/// How parent and runner find out that the other is there and does nothing: it
/// was stopped, or its machine hangs. Time in which a process does not run
/// itself counts for nothing, so that nobody gives up when the whole machine
/// sleeps.
struct heartbeat_options {
  /// Time between two beats, at most a day; 0 for none.
  duration interval = std::chrono::seconds{1};

  /// Silence after which a runner is ended and replaced, and its calls have
  /// failed; and after which a runner leaves its parent. More than `interval`;
  /// less than half a second is not to be relied on where machines are busy.
  duration tolerance = std::chrono::seconds{5};

  friend bool operator==(const heartbeat_options&,
                         const heartbeat_options&) = default;
};

/// A function of the program that a pool calls. Two of them count as equal, as
/// functions cannot be compared.
template <class Signature>
struct hook : std::function<Signature> {
  using std::function<Signature>::function;

  friend bool operator==(const hook&, const hook&) noexcept {
    return true;
  }
};

/// What hooks are told of a runner.
struct runner_info {
  /// Name of the pool.
  std::string pool;

  /// Name of the runner.
  std::string runner;

  /// Runners of the pool that take calls, once what the hook tells of has
  /// happened.
  std::size_t runners = 0;
};

/// What a pool is, by the names that configuration files use too. Hooks are for
/// code alone: configuration keeps those that the program has set.
struct pool_options {
  /// Runners that are booted at once and kept. 0 to `max`.
  std::size_t min = 0;

  /// Most runners at a time. 1 to 10,000.
  std::size_t max = 4;

  /// Slots of each runner: calls and children that it has at a time. 1 to
  /// 10,000.
  std::size_t max_concurrency = 8;

  /// Whether a runner is let go after one call or child, whether that
  /// succeeded, failed or timed out. `max_concurrency` is 1 then; another one
  /// that is not the default is refused.
  bool single_use = false;

  /// Most callers that may wait for a slot; one more fails with `queue_full`.
  /// At least 1.
  std::size_t max_queue = 100'000;

  /// Time for a call: queue, boot, transfer and execution together.
  duration timeout = std::chrono::seconds{30};

  /// Time for a boot: from the request to the runner being ready.
  duration boot_timeout = std::chrono::seconds{30};

  /// Time that running work gets when pool, runner or parent shut down.
  duration shutdown_timeout = std::chrono::seconds{30};

  /// Time that a function gets to end after it was asked to stop: by its
  /// timeout, or because its caller is gone. The runner of one that takes longer
  /// gets no new work.
  duration stop_grace = std::chrono::seconds{5};

  /// Time that the other work on such a runner gets, before the runner is ended
  /// by force and replaced. The `local` backend cannot end a thread: there, the
  /// runner is replaced and the function goes on.
  duration drain_timeout = std::chrono::seconds{30};

  /// A runner above `min` that had nothing to do for this long is let go.
  duration idle_shutdown_after = std::chrono::seconds{30};

  /// A runner of `min` that had nothing to do for this long is let go, once
  /// those above `min` have gone. The next caller that has to wait for a slot
  /// brings `min` back.
  duration min_idle_shutdown_after = infinite;

  /// Whether calls are tracked, see `flame/track.hpp`, that do not say
  /// otherwise.
  bool track_resources = false;

  /// Longest arguments and longest result of one call, in bytes. 1 KiB to
  /// 64 GiB.
  std::size_t max_message = std::size_t{1} << 30;

  backend_options backend = {};

  /// What serves calls, casts and streams that do not say otherwise. Children
  /// are actors of the runner, whatever this is.
  flame::isolation isolation = flame::isolation::thread;

  /// Address space that a worker may map beside what it starts with, in bytes:
  /// what allocates more gets `std::bad_alloc`. At most 64 TiB; 0 for no limit.
  std::size_t memory_limit = 0;

  /// Calls that a worker serves before another one takes its place; 0 for no
  /// limit.
  std::size_t max_calls_per_worker = 0;

  /// What is done about calls that fail and are marked as idempotent.
  retry_options retry = {};

  /// For runners that are processes.
  heartbeat_options heartbeat = {};

  /// Whether runners may be other builds of the program than the parent. Then
  /// only functions with a name can be called: see `FLAME_FUNCTION` in
  /// `flame/function.hpp`.
  bool allow_different_builds = false;

  /// Lowest level of what the pool logs, its runners' output included: `trace`,
  /// `debug`, `info`, `warn`, `error` or `off`.
  std::string log = "info";

  /// Asked before an idle runner is let go: false keeps it, and the question
  /// comes again when as much time has passed once more.
  ///
  /// This and the hooks for growing and shrinking are called by the pool, one
  /// at a time: it decides nothing else until they return, so they must not
  /// wait for anything, least of all for calls. What they throw is logged; it
  /// counts as false here and has no effect otherwise.
  hook<bool(const runner_info&)> idle_check = {};

  /// Called when a runner is about to be booted.
  hook<void(const runner_info&)> on_grow_start = {};

  /// Called when that boot has ended: with null, if the runner takes calls now,
  /// else with the reason. Where the runner is still needed, another boot
  /// follows.
  hook<void(const runner_info&, const call_error*)> on_grow_end = {};

  /// Called when a runner that took calls is no more: let go or lost.
  hook<void(const runner_info&)> on_shrink = {};

  /// Called when a cast has failed, which is logged as well. It runs on a
  /// thread that the pools of the node share: it may make calls, and must not
  /// wait for futures. What it throws is logged.
  hook<void(const call_error&)> on_cast_error = {};

  friend bool operator==(const pool_options&, const pool_options&) = default;
};

/// How one call, cast or child is to be treated. What is not set, the pool
/// decides.
struct call_options {
  /// Time for the whole: queue, boot, transfer and execution.
  std::optional<duration> timeout = std::nullopt;

  /// Whether the work ends with its caller. Without link, a function goes on
  /// when its caller is gone, and a child outlives whoever placed it.
  bool link = true;

  /// Whether the actors that the result reports keep the slot of the call until
  /// they have ended, see `flame/track.hpp`.
  std::optional<bool> track = std::nullopt;

  /// What serves the call; a child is always an actor of its runner.
  std::optional<flame::isolation> isolation = std::nullopt;

  /// Whether it does no harm if the function runs more than once, also when one
  /// of its runs is not over yet. Only then is a call repeated.
  bool idempotent = false;

  /// What is done about failures of this call, if it is idempotent. For calls
  /// and casts: a stream or a child is not repeated. What is out of range is
  /// refused with `invalid_configuration` by the function that makes the call.
  std::optional<retry_options> retry = std::nullopt;
};

} // namespace flame
