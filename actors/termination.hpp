#pragma once

#include <atomic>
#include <functional>
#include <thread>

#include "waker.hpp"

namespace flame::detail {

/// What SIGTERM does to a parent: the first one drains it and then ends the
/// process, a second one ends it at once.
///
/// Where the program has said what SIGTERM does, or says so later, that counts,
/// and this does nothing. One at a time.
class termination {
public:
  /// 128 and the signal's number, as a shell reports it.
  static constexpr int status = 128 + 15;

  /// @param drain called on a thread of its own at the first SIGTERM; when it
  ///        returns, the process ends with `status`
  explicit termination(std::function<void()> drain);

  /// From here on the process ends as its `main` does. Waits for `drain`, if
  /// that has been called.
  ~termination();

  termination(const termination&) = delete;
  termination& operator=(const termination&) = delete;

  /// Whether SIGTERM has come.
  bool is_asked_for() const noexcept {
    return is_asked_for_;
  }

private:
  static void on_signal(int signal);
  void watch();

  std::function<void()> drain_;
  waker waker_;
  std::atomic<bool> is_asked_for_ = false;
  std::atomic<bool> is_over_ = false;
  std::thread thread_;
};

} // namespace flame::detail
