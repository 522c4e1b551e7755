/// Looks at the pool, and tells browsers what has changed.
#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include <flame/pool.hpp>
#include <flame/pubsub.hpp>

namespace studio {

/// Publishes the event that tells how the pool is, when that has changed. It looks
/// several times a second, on a thread of its own.
class pool_watch {
public:
  pool_watch(flame::pool pool, flame::pubsub topics);

  /// What was published last. Thread-safe.
  std::string latest() const;

private:
  void run(std::stop_token stop);

  flame::pool pool_;
  flame::pubsub topics_;
  mutable std::mutex mutex_;
  std::condition_variable_any pause_;
  std::string latest_;
  std::jthread thread_;
};

} // namespace studio
