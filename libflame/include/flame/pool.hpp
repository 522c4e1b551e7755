/// A pool: runners that come when they are needed and go when they are not.
#pragma once

#include <memory>
#include <string>

#include <caf/actor.hpp>

#include "flame/detail/export.hpp"
#include "flame/fwd.hpp"
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

/// A handle to a pool. Copies name the same pool; `node::pool` makes the first.
/// Thread-safe.
class FLAME_EXPORT pool {
public:
  pool() = default;

  const std::string& name() const noexcept;

  const pool_options& options() const noexcept;

  pool_stats stats() const;

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
