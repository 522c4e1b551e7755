/// How things are timed, and what is made of the times.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <vector>

namespace bench {

using clock = std::chrono::steady_clock;

double micros(clock::duration time);

double millis(clock::duration time);

/// @pre `values` is not empty
double median(std::vector<double> values);

/// What so large a part of the values, 0 to 1, does not exceed.
/// @pre `values` is not empty
double quantile(std::vector<double> values, double part);

/// The median of what each round's figure is to the same round's limit: both
/// were taken within a second, so that a machine that is slower for a while is
/// no error.
double median_ratio(const std::vector<double>& figures,
                    const std::vector<double>& limits);

/// The time of each of `count` runs of `step`, in us, after some that do not
/// count.
template <class Step>
std::vector<double> time_each(std::size_t count, Step step) {
  for (std::size_t i = 0; i < count / 10; ++i)
    step();
  std::vector<double> result;
  result.reserve(count);
  auto begin = clock::now();
  for (std::size_t i = 0; i < count; ++i) {
    step();
    auto end = clock::now();
    result.push_back(micros(end - begin));
    begin = end;
  }
  return result;
}

/// How often per second `step(i)` is done by so many threads, where `i` is the
/// number of the thread.
double rate(std::size_t threads, clock::duration time,
            const std::function<void(std::size_t)>& step);

} // namespace bench
