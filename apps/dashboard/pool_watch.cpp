#include "pool_watch.hpp"

#include "units.hpp"

namespace flame::dash {

using json = nlohmann::json;

namespace {

using namespace std::chrono_literals;

/// How long ago what is "recent" may be, and how exactly that is kept.
constexpr auto recent = 60s;
constexpr auto mark_every = 5s;

/// A distribution; without times, its percentiles are null.
json to_json(const histogram& times) {
  json result{{"count", times.count()}};
  auto put = [&](const char* name, duration time) {
    result[name] = times.count() > 0 ? json(micros(time)) : json{};
  };
  put("mean_us", times.mean());
  put("p50_us", times.percentile(0.5));
  put("p90_us", times.percentile(0.9));
  put("p99_us", times.percentile(0.99));
  put("max_us", times.percentile(1));
  auto buckets = json::array();
  for (auto& each : times.buckets())
    buckets.push_back({micros(each.from), micros(each.to), each.count});
  result["buckets"] = std::move(buckets);
  return result;
}

/// What people want to know of a runner, in a word.
const char* word_for(const runner_stats& runner) {
  if (runner.state == "booting" || runner.state == "connecting")
    return "booting";
  if (runner.state == "ready")
    return runner.in_use > 0 ? "busy" : "idle";
  if (runner.state == "severed")
    return "lost";
  return runner.state == "wedged" ? "wedged" : "draining";
}

json to_json(const runner_stats& runner) {
  return {{"name", runner.name},     {"state", word_for(runner)},
          {"pid", runner.pid},       {"age_s", seconds(runner.age)},
          {"in_use", runner.in_use}, {"slots", runner.slots}};
}

json failures_of(const call_stats& calls) {
  auto result = json::object();
  for (auto& [why, count] : calls.failed)
    result[std::string{to_string(why)}] = count;
  return result;
}

json percentile_of(const histogram& times, double share) {
  return times.count() > 0 ? json(micros(times.percentile(share))) : json{};
}

} // namespace

pool_watch::pool_watch(flame::pool which, std::size_t memory, bool is_new)
  : pool_(std::move(which)),
    memory_(memory) {
  if (!is_new) {
    calls_ = pool_.calls();
    boots_ = pool_.boot_times();
  }
  marks_.push_back({std::chrono::steady_clock::now(), calls_.succeeded});
}

void pool_watch::look(std::uint64_t number, std::int64_t at,
                      std::chrono::steady_clock::time_point now) {
  auto before = std::exchange(calls_, pool_.calls());
  auto boots_before = std::exchange(boots_, pool_.boot_times());
  stats_ = pool_.stats();
  runners_ = pool_.runners();
  auto calls = calls_.succeeded - before.succeeded;
  auto boots = boots_ - boots_before;
  rows_.push_back(
    {number,
     {at, calls.count(), calls_.failures() - before.failures(),
      percentile_of(calls, 0.5), percentile_of(calls, 0.9),
      percentile_of(calls, 0.99), stats_.runners, stats_.booting, stats_.in_use,
      stats_.queued, boots.count(), percentile_of(boots, 1)}});
  if (rows_.size() > memory_)
    rows_.pop_front();
  remember(now);
}

void pool_watch::remember(std::chrono::steady_clock::time_point now) {
  if (now - marks_.back().at >= mark_every)
    marks_.push_back({now, calls_.succeeded});
  while (marks_.size() > 1 && now - marks_[1].at >= recent)
    marks_.pop_front();
}

json pool_watch::state() const {
  auto runners = json::array();
  for (auto& each : runners_)
    runners.push_back(to_json(each));
  auto& options = pool_.options();
  return {
    {"name", pool_.name()},
    {"backend", options.backend.name},
    {"min", options.min},
    {"max", options.max},
    {"max_concurrency", options.max_concurrency},
    {"runners", std::move(runners)},
    {"now",
     {{"runners", stats_.runners},
      {"booting", stats_.booting},
      {"in_use", stats_.in_use},
      {"queued", stats_.queued}}},
    {"ever",
     {{"boots", stats_.boots},
      {"failed_boots", stats_.failed_boots},
      {"lost", stats_.lost},
      {"retired", stats_.retired},
      {"retries", stats_.retries}}},
    {"calls",
     {{"started", calls_.started},
      {"succeeded", calls_.succeeded.count()},
      {"failed", failures_of(calls_)},
      {"under_way", calls_.under_way()}}},
    {"latency", to_json(calls_.succeeded - marks_.front().calls)},
    {"boot", to_json(boots_)},
  };
}

const json& pool_watch::columns() {
  static const json result{"at_ms",  "succeeded", "failed",  "p50_us",
                           "p90_us", "p99_us",    "runners", "booting",
                           "in_use", "queued",    "boots",   "boot_us"};
  return result;
}

json pool_watch::rows_since(std::uint64_t number) const {
  auto result = json::array();
  for (auto& each : rows_)
    if (each.number > number)
      result.push_back(each.cells);
  return result;
}

} // namespace flame::dash
