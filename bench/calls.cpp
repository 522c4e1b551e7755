#include <future>
#include <thread>

#include <caf/event_based_actor.hpp>

#include <flame/call.hpp>

#include "limits.hpp"
#include "subjects.hpp"

namespace bench {

namespace {

void call(const flame::pool& pool) {
  flame::call(pool, [] {});
}

/// Makes calls one after the other, then says how long each took.
class calling_actor final : public caf::event_based_actor {
public:
  calling_actor(caf::actor_config& cfg, flame::pool pool, std::size_t count,
                std::promise<std::vector<double>> done)
    : event_based_actor(cfg),
      pool_(std::move(pool)),
      uncounted_(count / 10),
      count_(count),
      done_(std::move(done)) {
    times_.reserve(count);
  }

  caf::behavior make_behavior() override {
    next();
    return {[](caf::unit_t) {}};
  }

private:
  void next() {
    begin_ = clock::now();
    flame::call(this, pool_, [] {})
      .then(
        [this] {
          answered();
        },
        [this](const flame::call_error& error) {
          done_.set_exception(std::make_exception_ptr(error));
          quit();
        });
  }

  void answered() {
    auto took = micros(clock::now() - begin_);
    if (uncounted_ > 0)
      --uncounted_;
    else
      times_.push_back(took);
    if (times_.size() < count_)
      return next();
    done_.set_value(std::move(times_));
    quit();
  }

  flame::pool pool_;
  std::size_t uncounted_;
  std::size_t count_;
  std::promise<std::vector<double>> done_;
  std::vector<double> times_;
  clock::time_point begin_;
};

/// How many casts a thread makes per second, from the first one to the end of
/// the last.
double cast_rate(const flame::pool& pool, std::size_t count) {
  auto begin = clock::now();
  for (std::size_t i = 0; i < count; ++i)
    flame::cast(pool, [] {});
  // Nobody is told when a cast has ended.
  for (auto now = pool.stats(); now.in_use + now.queued > 0; now = pool.stats())
    std::this_thread::sleep_for(std::chrono::microseconds{100});
  return static_cast<double>(count)
         / std::chrono::duration<double>(clock::now() - begin).count();
}

std::vector<double> call_from_actor(flame::node& node, const flame::pool& pool,
                                    std::size_t count) {
  std::promise<std::vector<double>> done;
  auto times = done.get_future();
  auto caller =
    node.system().spawn<calling_actor>(pool, count, std::move(done));
  return times.get();
}

} // namespace

flame::pool warm_pool(flame::node& node, const std::string& name,
                      std::size_t slots) {
  return node.pool(name, {.min = 1,
                          .max = 1,
                          .max_concurrency = slots,
                          .idle_shutdown_after = flame::infinite,
                          .backend = "process",
                          .log = "off"});
}

figures measure_latency(flame::node& node, const effort& how, progress& line) {
  pinned here{how.cpus};
  auto pool = warm_pool(node, "latency", 8);
  ping_pong limit{1};
  series raw{"raw ping-pong p50", "us", {}};
  series warm{"warm call p50", "us", {}};
  series actor{"call from an actor p50", "us", {}};
  for (std::size_t i = 0; i < how.rounds; ++i) {
    line.show("latency of calls", i, how.rounds);
    raw.rounds.push_back(median(time_each(how.round_trips, [&] {
      limit.round_trip(0);
    })));
    warm.rounds.push_back(median(time_each(how.round_trips, [&] {
      call(pool);
    })));
    actor.rounds.push_back(
      median(call_from_actor(node, pool, how.round_trips)));
  }
  pool.shutdown();
  return {ratio_to("warm_call_p50_ratio", warm, raw, bound::at_most, 2),
          ratio_to("actor_call_p50_ratio", actor, raw, bound::at_most, 5)};
}

figures measure_casts(flame::node& node, const effort& how, progress& line) {
  constexpr std::size_t slots = 8;
  pinned here{how.cpus};
  auto pool = warm_pool(node, "casts", slots);
  ping_pong limit{slots};
  series raw{"raw ping-pong on 8 sockets", "/s", {}};
  series casts{"casts on 8 slots", "/s", {}};
  for (std::size_t i = 0; i < how.rounds; ++i) {
    line.show("casts", i, how.rounds);
    raw.rounds.push_back(rate(slots, how.throughput, [&](std::size_t socket) {
      limit.round_trip(socket);
    }));
    casts.rounds.push_back(cast_rate(pool, 5 * how.round_trips));
  }
  pool.shutdown();
  return {beside("cast_per_s", casts, raw)};
}

figures measure_throughput(flame::node& node, const effort& how,
                           progress& line) {
  pinned here{how.cpus};
  ping_pong limit{256};
  auto by_8 = warm_pool(node, "callers8", 8);
  auto by_64 = warm_pool(node, "callers64", 64);
  auto by_256 = warm_pool(node, "callers256", 256);
  series raw_8{"raw ping-pong on 8 sockets", "/s", {}};
  series raw_64{"raw ping-pong on 64 sockets", "/s", {}};
  series raw_256{"raw ping-pong on 256 sockets", "/s", {}};
  series calls_8{"8 callers", "/s", {}};
  series calls_64{"64 callers", "/s", {}};
  series calls_256{"256 callers", "/s", {}};
  auto round_trips = [&](std::size_t sockets) {
    return rate(sockets, how.throughput, [&](std::size_t socket) {
      limit.round_trip(socket);
    });
  };
  auto calls = [&](std::size_t callers, const flame::pool& pool) {
    return rate(callers, how.throughput, [&](std::size_t) {
      call(pool);
    });
  };
  for (std::size_t i = 0; i < how.rounds; ++i) {
    line.show("throughput of calls", i, how.rounds);
    raw_8.rounds.push_back(round_trips(8));
    calls_8.rounds.push_back(calls(8, by_8));
    calls_64.rounds.push_back(calls(64, by_64));
    calls_256.rounds.push_back(calls(256, by_256));
    raw_64.rounds.push_back(round_trips(64));
    raw_256.rounds.push_back(round_trips(256));
  }
  for (auto* pool : {&by_8, &by_64, &by_256})
    pool->shutdown();
  return {
    ratio_to("calls_8_ratio", calls_8, raw_8, bound::at_least, 0.6),
    ratio_to("calls_64_over_8", calls_64, calls_8, bound::at_least, 0.9),
    ratio_to("calls_256_over_8", calls_256, calls_8, bound::at_least, 0.8),
    comparison("raw_64_over_8", raw_64, raw_8),
    comparison("raw_256_over_8", raw_256, raw_8)};
}

} // namespace bench
