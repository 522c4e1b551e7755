#include <thread>

#include <unistd.h>

#include <caf/settings.hpp>
#include <fmt/format.h>

#include <flame/call.hpp>

#include "limits.hpp"
#include "subjects.hpp"

namespace bench {

namespace {

using namespace std::chrono_literals;

/// The pool has noted that all of its runners are gone. It offers no event for
/// this, and it is not part of any figure.
void await_retired(const flame::pool& pool) {
  for (;;) {
    auto now = pool.stats();
    if (now.booting == 0 && now.retired + now.lost >= now.boots)
      return;
    std::this_thread::sleep_for(1ms);
  }
}

} // namespace

figures measure_cold_start(flame::node& node, const effort& how,
                           progress& line) {
  auto pool = node.pool("coldstart", {.max = 1,
                                      .idle_shutdown_after = 20ms,
                                      .backend = "process",
                                      .log = "off"});
  auto threads = caf::get_or(node.system().config(), "scheduler.max-threads",
                             std::size_t{2});
  series cold{"first call p50", "ms", {}};
  series bare{"bare actor system p50", "ms", {}};
  for (std::size_t i = 0; i < how.boots; ++i) {
    line.show("cold start", i, how.boots);
    bare.rounds.push_back(millis(start_bare_system(threads)));
    auto begin = clock::now();
    auto pid = flame::call(pool, [] {
      return ::getpid();
    });
    cold.rounds.push_back(millis(clock::now() - begin));
    await_end(pid);
    await_retired(pool);
  }
  pool.shutdown();
  return {absolute("cold_start_p50_ms", cold, bound::at_most, 20),
          ratio_to("cold_start_ratio", cold, bare, bound::at_most, 1.7)};
}

figures measure_burst(flame::node& node, const effort& how, progress& line) {
  constexpr std::size_t calls = 200;
  // 10 x 5 slots have four of the calls each.
  constexpr double ideal = 400;
  series burst{"200 calls of 100 ms", "ms", {}};
  series limit{"10 x 5 slots at work", "ms", {}};
  for (std::size_t i = 0; i < how.bursts; ++i) {
    line.show("burst", i, how.bursts);
    auto pool = node.pool(
      fmt::format("burst{}", i),
      {.max = 10, .max_concurrency = 5, .backend = "process", .log = "off"});
    std::vector<std::future<void>> results;
    auto begin = clock::now();
    for (std::size_t k = 0; k < calls; ++k)
      results.push_back(flame::async(pool, [] {
        std::this_thread::sleep_for(100ms);
      }));
    for (auto& each : results)
      each.get();
    burst.rounds.push_back(millis(clock::now() - begin));
    limit.rounds.push_back(ideal);
    pool.shutdown();
  }
  return {ratio_to("burst_ratio", burst, limit, bound::at_most, 1.2)};
}

figures measure_memory(flame::node& node, const effort&, progress& line) {
  constexpr std::size_t runners = 3;
  series memory{"PSS of an idle runner", "MiB", {}};
  for (std::size_t i = 0; i < runners; ++i) {
    line.show("memory of a runner", i, runners);
    auto pool = node.pool(fmt::format("idle{}", i),
                          {.max = 1, .backend = "process", .log = "off"});
    auto pid = flame::call(pool, [] {
      return ::getpid();
    });
    // What it does after its first call is to be over.
    std::this_thread::sleep_for(200ms);
    memory.rounds.push_back(pss_mib(pid));
    pool.shutdown();
  }
  return {absolute("idle_runner_pss_mib", memory, bound::at_most, 9)};
}

} // namespace bench
