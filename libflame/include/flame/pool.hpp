/// A pool: runners that come when they are needed and go when they are not.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <caf/actor.hpp>

#include "flame/detail/export.hpp"
#include "flame/fwd.hpp"
#include "flame/histogram.hpp"
#include "flame/options.hpp"

namespace flame {

/// What a pool is doing at this moment, and what it has done.
struct pool_stats {
  /// Runners that are being booted.
  std::size_t booting = 0;
  /// Runners that take calls.
  std::size_t runners = 0;
  /// Slots that a call or a child holds.
  std::size_t in_use = 0;
  /// Callers that wait for a slot.
  std::size_t queued = 0;
  /// Runners that became ready, ever.
  std::size_t boots = 0;
  /// Boots that failed, ever.
  std::size_t failed_boots = 0;
  /// Runners that ended although they should not have, ever.
  std::size_t lost = 0;
  /// Runners that were let go, ever.
  std::size_t retired = 0;
  /// Calls that were tried again, ever, each time.
  std::size_t retries = 0;
};

/// The calls of a pool, ever, by how they ended.
///
/// A call counts once, whatever way it is made: `call`, `try_call`, `async` and
/// `cast`, by threads and actors, each call of a `map`, and a stream as a whole.
/// One that is tried again counts once, by its last attempt and with the time of
/// all; `pool_stats::retries` has the attempts. It begins when its arguments
/// have been encoded, and ends when its result has arrived, or its caller is told
/// of a failure. What is refused at once is no call: arguments that are too
/// large, and blocking calls inside an actor. Placed children are none, either.
struct FLAME_EXPORT call_stats {
  /// Calls that have begun.
  std::uint64_t started = 0;

  /// Calls that had their result, and how long each took: queue, boot, transfer
  /// and execution together.
  histogram succeeded = {};

  /// Calls that failed, by cause: no other cause has happened. An exception of
  /// the function is `remote_exception`; a stream that was left early, `cancelled`.
  std::map<errc, std::uint64_t> failed = {};

  /// All that failed.
  std::uint64_t failures() const noexcept;

  /// Calls that had not ended; among them, while calls are being made, those that
  /// began and ended during the look.
  std::uint64_t under_way() const noexcept;
};

/// A runner, as it is at one moment.
struct runner_stats {
  std::string name = {};
  /// `booting`, `connecting`, `ready`, `wedged`, `severed` or `draining`.
  std::string state = {};
  /// 0 while it is not known; of a runner in this process, its own.
  int pid = 0;
  /// Since its boot began.
  duration age{0};
  /// Slots that a call or a child holds.
  std::size_t in_use = 0;
  /// Slots that it has; 0 until it is ready.
  std::size_t slots = 0;
};

/// A handle to a pool. Copies name the same pool; `node::pool` makes the first.
/// Thread-safe.
class FLAME_EXPORT pool {
public:
  pool() = default;

  const std::string& name() const noexcept;

  const pool_options& options() const noexcept;

  pool_stats stats() const;

  /// The calls since the pool was started, on this node. It costs callers three
  /// additions each, and whoever looks some microseconds.
  call_stats calls() const;

  /// How long boots took that succeeded, until the runner was ready.
  histogram boot_times() const;

  /// The runners that are there or being booted, oldest first.
  std::vector<runner_stats> runners() const;

  /// Takes no more work, gives what runs `shutdown_timeout` to end, and lets
  /// all runners go. Callers that wait get `pool_closed`. Blocks until no
  /// runner is left; further calls return at once.
  ///
  /// Must not be called inside an actor.
  void shutdown();

  explicit operator bool() const noexcept {
    return core_ != nullptr;
  }

  /// @private
  pool(std::shared_ptr<detail::pool_core> core, caf::actor address);

  /// @private starts what `shutdown` waits for
  void begin_shutdown();

  /// @private waits for `min` runners, or for the first failure
  void await_minimum();

  /// @private
  const std::shared_ptr<detail::pool_core>& core() const noexcept {
    return core_;
  }

private:
  std::shared_ptr<detail::pool_core> core_;
  /// Stands for the pool's actor, whichever it is at the time.
  caf::actor address_;
};

} // namespace flame
