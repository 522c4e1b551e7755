#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace flame::dash {

/// Does something again and again on a thread of its own, from its construction
/// on, until it is destroyed. What is missed, as it takes longer, is left out.
class ticker {
public:
  /// @param name of the thread, at most 15 bytes
  ticker(const char* name, std::chrono::steady_clock::duration every,
         std::function<void()> what);

  ~ticker();

  ticker(const ticker&) = delete;
  ticker& operator=(const ticker&) = delete;

private:
  void run();

  const std::chrono::steady_clock::duration every_;
  const std::function<void()> what_;
  std::mutex mutex_;
  std::condition_variable end_;
  bool is_over_ = false;
  std::thread thread_;
};

} // namespace flame::dash
