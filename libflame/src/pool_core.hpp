#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <caf/actor.hpp>

#include "call_counts.hpp"
#include "flame/codec.hpp"
#include "flame/options.hpp"
#include "logging.hpp"
#include "runner_state.hpp"
#include "slot_table.hpp"

namespace flame::detail {

class caller_ports;
class placements;
class reactor;

/// A runner as whoever looks at a pool sees it.
struct runner_view {
  std::string name;
  runner_state state = runner_state::booting;
  /// 0 until it is known.
  int pid = 0;
  /// When its boot began.
  time_point begun = {};
  /// Null until it is ready.
  std::shared_ptr<runner_slots> slots = nullptr;
};

/// What a pool shares with those who call on it. Thread-safe: everything in it
/// is constant or guards itself.
class pool_core : public std::enable_shared_from_this<pool_core> {
public:
  pool_core(std::string name, pool_options options,
            std::shared_ptr<reactor> loop, std::shared_ptr<caller_ports> ports,
            std::shared_ptr<placements> placed,
            std::shared_ptr<codec_context> handles,
            std::function<void()> on_demand,
            std::function<time_point()> now = std::chrono::steady_clock::now,
            std::vector<std::thread::id> scheduler_threads = {})
    : name(std::move(name)),
      options(std::move(options)),
      loop(std::move(loop)),
      ports(std::move(ports)),
      placed(std::move(placed)),
      handles(std::move(handles)),
      log(log_from(this->options.log)),
      scheduler_threads(std::move(scheduler_threads)),
      table(this->options.max_queue, std::move(on_demand), std::move(now)) {
    // nop
  }

  const std::string name;
  const pool_options options;
  const std::shared_ptr<reactor> loop;
  const std::shared_ptr<caller_ports> ports;
  const std::shared_ptr<placements> placed;
  const std::shared_ptr<codec_context> handles;
  const std::shared_ptr<spdlog::logger> log;
  /// Those of an actor system that does not mark them itself.
  const std::vector<std::thread::id> scheduler_threads;
  slot_table table;

  /// Whether this is a pool on a runner, where calls run in place: they are not
  /// isolated from the call that makes them. Constant once the pool is there.
  bool is_nested = false;

  /// Counted by the pool actor.
  struct counters {
    std::atomic<std::size_t> booting{0};
    std::atomic<std::size_t> boots{0};
    std::atomic<std::size_t> failed_boots{0};
    std::atomic<std::size_t> lost{0};
    std::atomic<std::size_t> retired{0};
    /// Counted by callers.
    std::atomic<std::size_t> retries{0};
  };

  counters count;

  call_counts calls;

  /// Counted by the pool actor.
  live_histogram boot_times;

  /// The cause of the last boot that failed, until one succeeds: what a caller
  /// is told who waited in vain.
  void set_boot_problem(loss_ptr problem) {
    std::lock_guard guard{mutex_};
    boot_problem_ = std::move(problem);
  }

  loss_ptr boot_problem() const {
    std::lock_guard guard{mutex_};
    return boot_problem_;
  }

  /// Said by the runner's actor.
  void show(std::uint64_t id, runner_view how) {
    std::lock_guard guard{mutex_};
    runners_.insert_or_assign(id, std::move(how));
  }

  void hide(std::uint64_t id) {
    std::lock_guard guard{mutex_};
    runners_.erase(id);
  }

  /// The runners, in the order of their boots.
  std::vector<runner_view> look() const {
    std::lock_guard guard{mutex_};
    std::vector<runner_view> result;
    for (auto& [id, each] : runners_)
      result.push_back(each);
    return result;
  }

private:
  mutable std::mutex mutex_;
  loss_ptr boot_problem_;
  std::map<std::uint64_t, runner_view> runners_;
};

} // namespace flame::detail
