#include "live/pool_watch.hpp"

#include <chrono>

#include <nlohmann/json.hpp>

#include "live/topics.hpp"
#include "messages.hpp"

namespace studio {

namespace {

using json = nlohmann::json;

constexpr auto interval = std::chrono::milliseconds{100};

/// In the page's words.
const char* condition(const flame::runner_stats& runner) {
  if (runner.state == "booting" || runner.state == "connecting")
    return "booting";
  if (runner.state == "ready")
    return runner.in_use > 0 ? "busy" : "idle";
  if (runner.state == "draining")
    return "going";
  return "lost";
}

/// The event that tells how the pool is.
std::string pool_event(const flame::pool& pool) {
  json runners = json::array();
  for (auto& runner : pool.runners())
    runners.push_back({{"name", runner.name},
                       {"state", condition(runner)},
                       {"slots", runner.in_use},
                       {"pid", runner.pid}});
  auto stats = pool.stats();
  auto& options = pool.options();
  return json{{"type", "pool"},
              {"name", pool.name()},
              {"backend", options.backend.name},
              {"max", options.max},
              {"concurrency", options.max_concurrency},
              {"used", stats.in_use},
              {"queued", stats.queued},
              {"boots", stats.boots},
              {"lost", stats.lost},
              {"retired", stats.retired},
              {"runners", std::move(runners)}}
    .dump();
}

} // namespace

pool_watch::pool_watch(flame::pool pool, flame::pubsub topics)
  : pool_(std::move(pool)),
    topics_(std::move(topics)),
    latest_(pool_event(pool_)),
    thread_([this](std::stop_token stop) {
      run(std::move(stop));
    }) {
  // nop
}

std::string pool_watch::latest() const {
  std::lock_guard guard{mutex_};
  return latest_;
}

void pool_watch::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    auto now = pool_event(pool_);
    std::unique_lock guard{mutex_};
    if (now != latest_) {
      latest_ = now;
      topics_.publish(topic::pool, live_event{now, {}});
    }
    pause_.wait_for(guard, stop, interval, [] {
      return false;
    });
  }
}

} // namespace studio
