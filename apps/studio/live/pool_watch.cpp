#include "live/pool_watch.hpp"

#include <chrono>
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "live/topics.hpp"
#include "messages.hpp"

namespace studio {

namespace {

using json = nlohmann::json;

constexpr auto interval = std::chrono::milliseconds{100};

std::string fact(const flame::tree_entry& entry, std::string_view name) {
  for (auto& [key, value] : entry.facts)
    if (key == name)
      return value;
  return {};
}

/// The first number of `"3/8"`.
int slots_in_use(const flame::tree_entry& runner) {
  auto slots = fact(runner, "slots");
  return slots.empty() ? 0 : std::atoi(slots.c_str());
}

/// In the page's words.
const char* condition(const flame::tree_entry& runner) {
  if (runner.state == "booting" || runner.state == "connecting")
    return "booting";
  if (runner.state == "ready")
    return slots_in_use(runner) > 0 ? "busy" : "idle";
  if (runner.state == "draining")
    return "going";
  return "lost";
}

} // namespace

std::string pool_event(const flame::pool& pool, const flame::tree_entry& tree) {
  json runners = json::array();
  for (auto& part : tree.children)
    if (part.kind == flame::tree_kind::pool && part.name == pool.name())
      for (auto& runner : part.children)
        runners.push_back({{"name", runner.name},
                           {"state", condition(runner)},
                           {"slots", slots_in_use(runner)},
                           {"pid", fact(runner, "pid")}});
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

pool_watch::pool_watch(flame::node& node, flame::pool pool)
  : node_(node),
    pool_(std::move(pool)),
    latest_(pool_event(pool_, node_.tree())),
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
    auto now = pool_event(pool_, node_.tree());
    std::unique_lock guard{mutex_};
    if (now != latest_) {
      latest_ = now;
      node_.pubsub().publish(topic::pool, live_event{now, {}});
    }
    pause_.wait_for(guard, stop, interval, [] {
      return false;
    });
  }
}

} // namespace studio
