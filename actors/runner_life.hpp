#pragma once

#include <atomic>
#include <chrono>

#include "waker.hpp"

namespace flame::detail {

class lane_server;

/// Why and when the process of a runner ends.
///
/// Everybody who notices something says so here, and one thread alone acts, so
/// that an exit never waits for an actor, a lane or user code.
/// Thread-safe, and `tell` is safe in signal handlers.
class runner_life {
public:
  enum event : unsigned {
    /// The parent has let the runner join.
    joined = 1,
    /// The parent wants the runner to end.
    ordered_to_stop = 2,
    /// The parent is gone.
    parent_gone = 4,
    /// SIGTERM: end when what runs has ended.
    asked_to_drain = 8,
    /// A second SIGTERM.
    told_to_end = 16,
    /// A call or child with `link: false` ended.
    unlinked_ended = 32,
    /// The parent has refused the runner.
    refused = 64,
    /// The parent wants what runs to come to its end.
    draining = 128,
    /// What workers are forked from has ended.
    zygote_ended = 256,
    /// The parent does not answer any more.
    parent_silent = 512,
  };

  void tell(event what) noexcept {
    events_.fetch_or(what);
    waker_.wake();
  }

  bool has(event what) const noexcept {
    return (events_.load() & what) != 0;
  }

  /// Whether it was told, which is forgotten.
  bool take(event what) noexcept {
    return (events_.fetch_and(~static_cast<unsigned>(what)) & what) != 0;
  }

  /// Waits until something is told, or until `deadline`.
  /// @returns false at the deadline
  bool wait(std::chrono::steady_clock::time_point deadline) noexcept;

  /// Children with `link: false` that live here.
  std::atomic<std::size_t> unlinked_children = 0;

private:
  std::atomic<unsigned> events_ = 0;
  waker waker_;
};

/// Lets signals tell `life`: SIGTERM, and the signal that the kernel sends when
/// the parent dies (unless `watch_parent` is false).
/// @returns false if the parent is gone already
bool install_runner_signals(runner_life& life, int parent_pid,
                            bool watch_parent);

/// Ends the process, and with `everything` what it has started: its process
/// group. Does not run destructors, which could wait for user code.
[[noreturn]] void end_process(int status, bool everything);

} // namespace flame::detail
