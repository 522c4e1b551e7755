#include <algorithm>
#include <filesystem>
#include <future>
#include <vector>

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include "support/processes.hpp"
#include "support/sanitizers.hpp"
#include "support/test_main.hpp"

using namespace std::chrono_literals;
using namespace tests;

namespace {

double count_of(const char* what) {
  return static_cast<double>(std::distance(
    std::filesystem::directory_iterator{std::string{"/proc/self/"} + what},
    std::filesystem::directory_iterator{}));
}

double heap_kib() {
  auto info = ::mallinfo2();
  return static_cast<double>(info.uordblks + info.hblkhd) / 1024;
}

/// What a process holds on to, round by round.
struct holdings {
  std::vector<double> descriptors;
  std::vector<double> threads;
  std::vector<double> actors;
  std::vector<double> heap;
  std::vector<double> resident;

  void look() {
    descriptors.push_back(count_of("fd"));
    threads.push_back(count_of("task"));
    actors.push_back(static_cast<double>(node().system().registry().running()));
    heap.push_back(heap_kib());
    resident.push_back(static_cast<double>(resident_kib()));
  }
};

/// By how much the line grows that fits the last two thirds of `values` best,
/// from their beginning to their end. Of a line, as single values go up and
/// down: timers, threads and allocators let go when they get to it.
double growth(const std::vector<double>& values) {
  auto skipped = values.size() / 3;
  auto count = values.size() - skipped;
  auto n = static_cast<double>(count);
  double mean = 0;
  for (std::size_t i = 0; i < count; ++i)
    mean += values[skipped + i] / n;
  double slope = 0;
  double weight = 0;
  for (std::size_t i = 0; i < count; ++i) {
    auto x = static_cast<double>(i) - (n - 1) / 2;
    slope += x * (values[skipped + i] - mean);
    weight += x * x;
  }
  return slope / weight * n;
}

/// Boots `count` runners and lets them go again.
void scale_up_and_down(const flame::pool& pool, std::size_t count) {
  std::vector<std::future<int>> calls;
  for (std::size_t i = 0; i < count; ++i)
    calls.push_back(flame::async(pool, [] {
      return ::getpid();
    }));
  for (auto& each : calls)
    each.get();
  CHECK(eventually([&] {
    auto now = pool.stats();
    return now.runners + now.booting == 0 && now.boots == now.retired;
  }));
}

} // namespace

void tests::configure(flame::node_options&) {
  // nop
}

TEST_CASE("a leak of one descriptor in a round is found") {
  holdings all;
  std::vector<flame::detail::unique_fd> leaked;
  for (int round = 0; round < 100; ++round) {
    if (round == 40)
      CHECK(growth(all.descriptors) < 1);
    if (round >= 40)
      leaked.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    all.look();
  }
  CHECK(growth(all.descriptors) > 50);
  CHECK(growth(all.threads) < 1);
}

TEST_CASE("scaling to zero and back leaves nothing behind") {
  constexpr std::size_t runners = 4;
  auto pool = new_pool("process", {.max = runners,
                                   .max_concurrency = 1,
                                   .timeout = 10s,
                                   .boot_timeout = 5s,
                                   .idle_shutdown_after = 1ms,
                                   .log = "off"});
  scale_up_and_down(pool, runners);
  auto heap_before = heap_kib();
  auto boots_before = pool.stats().boots;
  // A timer that has been set keeps the actor of a runner that has gone, for
  // 5 s. The line begins when as many are let go as come.
  holdings all;
  auto begin = std::chrono::steady_clock::now();
  while (all.descriptors.size() < 100
         || std::chrono::steady_clock::now() < begin + 18s) {
    scale_up_and_down(pool, runners);
    all.look();
  }
  auto rounds = all.descriptors.size();
  auto boots = static_cast<double>(pool.stats().boots - boots_before);
  MESSAGE(rounds << " rounds, " << boots << " runners; growth: descriptors "
                 << growth(all.descriptors) << ", threads "
                 << growth(all.threads) << ", actors " << growth(all.actors)
                 << ", heap " << growth(all.heap) << " KiB, resident "
                 << growth(all.resident) << " KiB");
  CHECK(boots > static_cast<double>(rounds * runners) / 2);
  CHECK(pool.stats().lost == 0);
  CHECK(growth(all.descriptors) < 10);
  CHECK(growth(all.threads) < 10);
  CHECK(growth(all.actors) < 10);
  // Sanitizers keep what is freed, and malloc has no figures then.
  if (has_sanitizer)
    return;
  // In KiB. An actor that is kept of each runner would be more than 1.
  CHECK(growth(all.heap) < boots * 2 / 3 / 2);
  CHECK(growth(all.resident) < boots * 2 / 3 / 2 + 1024);
  // Without timers, it is as at the beginning, but for what malloc keeps ready
  // and the figures of each round.
  auto least = heap_kib();
  CHECK(eventually(
    [&] {
      least = std::min(least, heap_kib());
      return least < heap_before + 256 + boots / 8;
    },
    20s));
  MESSAGE("heap before " << heap_before << " KiB, after " << least << " KiB");
}
