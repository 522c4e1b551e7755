
#include <unistd.h>

#include <flame/call.hpp>

#include "limits.hpp"
#include "subjects.hpp"

namespace bench {

namespace {

constexpr auto isolated = flame::isolation::process;

flame::pool pool_of(flame::node& node, const std::string& name,
                    std::size_t calls_per_worker) {
  return node.pool(name, {.min = 1,
                          .max = 1,
                          .idle_shutdown_after = flame::infinite,
                          .backend = "process",
                          .max_calls_per_worker = calls_per_worker,
                          .log = "off"});
}

} // namespace

figures measure_isolation(flame::node& node, const effort& how,
                          progress& line) {
  auto pool = pool_of(node, "isolated", 0);
  auto fresh = pool_of(node, "fresh", 1);
  series thread{"call in a thread p50", "us", {}};
  series process{"isolated call p50", "us", {}};
  series first{"first call of a worker p50", "ms", {}};
  series memory{"pss of a worker", "MiB", {}};
  {
    pinned here{how.cpus};
    auto warm = pool_of(node, "beside", 0);
    for (std::size_t i = 0; i < how.rounds; ++i) {
      line.show("isolated calls", i, how.rounds);
      thread.rounds.push_back(median(time_each(how.round_trips, [&] {
        flame::call(warm, [] {});
      })));
      process.rounds.push_back(median(time_each(how.round_trips, [&] {
        flame::call(warm, {.isolation = isolated}, [] {});
      })));
    }
    warm.shutdown();
  }
  for (std::size_t i = 0; i < how.boots; ++i) {
    line.show("workers", i, how.boots);
    auto begin = clock::now();
    flame::call(fresh, {.isolation = isolated}, [] {});
    first.rounds.push_back(millis(clock::now() - begin));
    memory.rounds.push_back(
      pss_mib(flame::call(pool, {.isolation = isolated}, [] {
        return ::getpid();
      })));
  }
  for (auto* each : {&pool, &fresh})
    each->shutdown();
  return {ratio_to("isolated_call_p50_over_thread", process, thread,
                   bound::at_most, 1.3),
          absolute("isolated_first_call_ms", first, bound::at_most, 5),
          absolute("worker_pss_mib", memory, bound::none, 0)};
}

} // namespace bench
