#include <algorithm>
#include <cmath>
#include <random>
#include <thread>

#include <doctest/doctest.h>

#include "call_counts.hpp"

namespace {

using namespace std::chrono_literals;

using flame::duration;
using flame::errc;
using flame::histogram;
using flame::detail::call_counts;
using flame::detail::histogram_scale;
using flame::detail::live_histogram;

template <class... Times>
histogram histogram_of(Times... times) {
  live_histogram result;
  (result.add(times), ...);
  return result.look();
}

/// How far a time may be off.
duration bound(duration exact) {
  return std::max(duration{16}, exact / 64);
}

/// Times as calls take them: many alike, and few that take a lot longer.
std::vector<duration> many_times(std::size_t count) {
  std::mt19937 source{4711};
  std::lognormal_distribution<> distribution{11, 2};
  std::vector<duration> result;
  for (std::size_t i = 0; i < count; ++i)
    result.emplace_back(static_cast<duration::rep>(distribution(source)));
  return result;
}

} // namespace

TEST_SUITE("histograms") {
  TEST_CASE("buckets follow each other without gap, and none is too wide") {
    for (std::size_t i = 0; i < histogram_scale::buckets; ++i) {
      auto begin = histogram_scale::begin_of(i);
      auto end = histogram_scale::begin_of(i + 1);
      REQUIRE(begin < end);
      REQUIRE(histogram_scale::bucket_of(begin) == i);
      REQUIRE(histogram_scale::bucket_of(end - 1ns) == i);
      REQUIRE(end - begin <= std::max(duration{32}, begin / 32));
    }
    CHECK(histogram_scale::begin_of(0) == 0ns);
    CHECK(histogram_scale::begin_of(histogram_scale::buckets) > 73min);
  }

  TEST_CASE("a percentile is off by 1/64 at most") {
    auto times = many_times(20'000);
    live_histogram counted;
    duration sum{0};
    for (auto each : times) {
      counted.add(each);
      sum += each;
    }
    std::ranges::sort(times);
    auto seen = counted.look();
    CHECK(seen.count() == times.size());
    CHECK(seen.sum() == sum);
    CHECK(seen.mean() == sum / static_cast<duration::rep>(times.size()));
    for (double share : {0., 0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.}) {
      CAPTURE(share);
      auto rank = std::ceil(share * static_cast<double>(times.size()));
      auto exact = times[static_cast<std::size_t>(std::max(rank, 1.)) - 1];
      auto said = seen.percentile(share);
      CHECK(said >= exact - bound(exact));
      CHECK(said <= exact + bound(exact));
    }
  }

  TEST_CASE("times beyond both ends of the range count as its ends") {
    auto seen = histogram_of(duration{-5}, 0ns, 1h, 24h, flame::infinite / 4);
    CHECK(seen.count() == 5);
    CHECK(seen.percentile(0) <= 32ns);
    CHECK(seen.percentile(0.6) >= 1h - bound(1h));
    CHECK(seen.percentile(0.6) <= 1h + bound(1h));
    CHECK(seen.percentile(1) > 72min);
    CHECK(seen.percentile(1) < 74min);
    CHECK(seen.percentile(-1) == seen.percentile(0));
    CHECK(seen.percentile(7) == seen.percentile(1));
  }

  TEST_CASE("an empty histogram says 0") {
    histogram none;
    CHECK(none.count() == 0);
    CHECK(none.sum() == 0ns);
    CHECK(none.mean() == 0ns);
    CHECK(none.percentile(0.5) == 0ns);
    CHECK(none.buckets().empty());
    CHECK(none == live_histogram{}.look());
  }

  TEST_CASE("buckets have all that was counted, in order") {
    auto seen = histogram_of(5ms, 1us, 5ms, 100us);
    auto buckets = seen.buckets();
    REQUIRE(buckets.size() == 3);
    std::vector<std::pair<duration, std::uint64_t>> expected{
      {1us, 1}, {100us, 1}, {5ms, 2}};
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(buckets[i].from <= expected[i].first);
      CHECK(buckets[i].to > expected[i].first);
      CHECK(buckets[i].count == expected[i].second);
    }
  }

  TEST_CASE("the difference of two snapshots is what happened in between") {
    live_histogram counted;
    for (int i = 0; i < 100; ++i)
      counted.add(1s);
    auto before = counted.look();
    counted.add(2us);
    counted.add(1ms);
    auto between = counted.look() - before;
    CHECK(between == histogram_of(2us, 1ms));
    CHECK(counted.look() - counted.look() == histogram{});
    // Also where the earlier one reaches further.
    CHECK(histogram_of(1us) - histogram_of(1s)
          == histogram_of(1us) - histogram_of(1min));
  }

  TEST_CASE("what threads count at a time is counted once each") {
    live_histogram counted;
    call_counts calls;
    constexpr int per_thread = 50'000;
    std::atomic<bool> done = false;
    std::jthread reader{[&] {
      while (!done) {
        auto seen = calls.look();
        CHECK(seen.started >= seen.succeeded.count() + seen.failures());
      }
    }};
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < 4; ++i)
        threads.emplace_back([&, i] {
          for (int k = 0; k < per_thread; ++k) {
            counted.add(std::chrono::microseconds{k % 1000});
            calls.begun();
            if (i == 0)
              calls.failed(errc::timeout);
            else
              calls.ended(std::nullopt, std::chrono::steady_clock::now());
          }
        });
    }
    done = true;
    CHECK(counted.look().count() == 4 * per_thread);
    CHECK(counted.look().sum() == 4 * (per_thread / 1000) * 499'500us);
    auto seen = calls.look();
    CHECK(seen.started == 4 * per_thread);
    CHECK(seen.succeeded.count() == 3 * per_thread);
    CHECK(seen.failed
          == std::map<errc, std::uint64_t>{{errc::timeout, per_thread}});
    CHECK(seen.under_way() == 0);
  }

  TEST_CASE(
    "a code that this program does not know is a failure all the same") {
    call_counts calls;
    calls.begun();
    calls.failed(static_cast<errc>(250));
    auto seen = calls.look();
    CHECK(seen.failures() == 1);
    CHECK(seen.failed.contains(errc{}));
  }
}
