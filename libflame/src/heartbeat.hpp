/// Heart-beats: whether a process that is there does anything.
///
/// A process that was stopped, or whose machine hangs, keeps its connections and
/// answers nothing. So parent and runner have one more connection, on which the
/// parent sends a byte each `interval` and the runner sends it back, each on a
/// thread that does nothing else: neither long messages nor a busy scheduler are
/// in the way.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "flame/detail/unique_fd.hpp"
#include "flame/options.hpp"
#include "waker.hpp"

namespace flame::detail {

/// For how long the other side has said nothing, as far as this side was there
/// to hear it.
///
/// Time in which this process did not run itself does not count: when both were
/// stopped, or the whole machine slept, neither has given the other any reason.
/// That it did not run shows when it looks again: later than it meant to.
class silence {
public:
  using clock = std::chrono::steady_clock;

  /// @param tick how often `at` is going to be asked
  explicit silence(duration tick, clock::time_point now) noexcept
    : tick_(tick),
      last_(now) {
    // nop
  }

  /// The other side has said something.
  void broken() noexcept {
    lasted_ = duration::zero();
  }

  /// Counts the time since it was asked last.
  duration at(clock::time_point now) noexcept {
    // A little late is usual, and is a time in which one could have heard.
    lasted_ += std::min<duration>(now - last_, 2 * tick_);
    last_ = now;
    return lasted_;
  }

private:
  duration tick_;
  clock::time_point last_;
  duration lasted_{};
};

/// The parent's side, for all runners of a node: one thread. Thread-safe.
class heartbeats {
public:
  heartbeats() = default;

  ~heartbeats();

  heartbeats(const heartbeats&) = delete;
  heartbeats& operator=(const heartbeats&) = delete;

  using key = std::uint64_t;

  /// @param on_silent called once, on the thread of the heart-beats, when the
  ///        runner has not answered for so long that it would be more than the
  ///        tolerance at the next beat
  key watch(unique_fd runner, const heartbeat_options& how,
            std::function<void()> on_silent);

  /// Closes the connection. `on_silent` may be called at this very moment.
  void unwatch(key which);

private:
  struct watched {
    unique_fd runner;
    heartbeat_options how;
    std::function<void()> on_silent;
    silence heard;
    std::chrono::steady_clock::time_point next;
  };

  void run();
  void beat(watched& each, std::chrono::steady_clock::time_point now);

  std::mutex mutex_;
  std::map<key, watched> all_;
  key last_ = 0;
  bool ending_ = false;
  waker change_;
  std::thread thread_;
};

/// The runner's side: answers, and listens whether the parent is there.
class heartbeat_listener {
public:
  /// @param on_silent called once, when the parent has said nothing for the
  ///        tolerance, or has ended the connection
  heartbeat_listener(unique_fd parent, const heartbeat_options& how,
                     std::function<void()> on_silent);

  ~heartbeat_listener();

  heartbeat_listener(const heartbeat_listener&) = delete;
  heartbeat_listener& operator=(const heartbeat_listener&) = delete;

private:
  unique_fd parent_;
  std::thread thread_;
};

} // namespace flame::detail
