#include "sampling.hpp"

#include <algorithm>
#include <cmath>
#include <latch>
#include <thread>

namespace bench {

namespace {

/// One for each thread, apart from the others' cache lines.
struct alignas(64) counter {
  std::atomic<std::size_t> value = 0;
};

constexpr int warm_up_steps = 20;

} // namespace

double micros(clock::duration time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

double millis(clock::duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

double median(std::vector<double> values) {
  auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  if (values.size() % 2 == 1)
    return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

double quantile(std::vector<double> values, double part) {
  auto last = static_cast<double>(values.size() - 1);
  auto at =
    values.begin() + static_cast<std::ptrdiff_t>(std::ceil(part * last));
  std::ranges::nth_element(values, at);
  return *at;
}

double median_ratio(const std::vector<double>& figures,
                    const std::vector<double>& limits) {
  std::vector<double> ratios;
  std::ranges::transform(figures, limits, std::back_inserter(ratios),
                         std::divides<>{});
  return median(std::move(ratios));
}

double rate(std::size_t threads, clock::duration time,
            const std::function<void(std::size_t)>& step) {
  std::vector<counter> counters(threads);
  std::atomic<bool> stopped = false;
  std::latch ready{static_cast<std::ptrdiff_t>(threads) + 1};
  auto count_steps = [&](std::size_t i) {
    for (int k = 0; k < warm_up_steps; ++k)
      step(i);
    ready.arrive_and_wait();
    while (!stopped.load(std::memory_order_relaxed)) {
      step(i);
      counters[i].value.fetch_add(1, std::memory_order_relaxed);
    }
  };
  std::vector<std::jthread> workers;
  for (std::size_t i = 0; i < threads; ++i)
    workers.emplace_back(count_steps, i);
  ready.arrive_and_wait();
  auto total = [&] {
    std::size_t result = 0;
    for (auto& each : counters)
      result += each.value.load(std::memory_order_relaxed);
    return result;
  };
  // Read, not assumed to be none: the workers may have been at it for long
  // when this thread gets its turn.
  auto before = total();
  auto begin = clock::now();
  std::this_thread::sleep_for(time);
  auto done = total() - before;
  auto end = clock::now();
  stopped = true;
  return static_cast<double>(done)
         / std::chrono::duration<double>(end - begin).count();
}

} // namespace bench
