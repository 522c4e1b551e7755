/// Looks at the pool, and tells browsers what has changed.
#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include <flame/node.hpp>

namespace studio {

/// The event that tells how the pool is.
/// @param tree what `node::tree` says
std::string pool_event(const flame::pool& pool, const flame::tree_entry& tree);

/// Publishes `pool_event` when it has changed. It looks several times a second,
/// on a thread of its own.
class pool_watch {
public:
  pool_watch(flame::node& node, flame::pool pool);

  /// What was published last. Thread-safe.
  std::string latest() const;

private:
  void run(std::stop_token stop);

  flame::node& node_;
  flame::pool pool_;
  mutable std::mutex mutex_;
  std::condition_variable_any pause_;
  std::string latest_;
  std::jthread thread_;
};

} // namespace studio
