#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>

#include "flame/histogram.hpp"

namespace flame::detail {

/// Where in a histogram a time belongs.
///
/// Times are counted in units of 32 ns. The first 64 buckets are one unit wide;
/// after these, each 32 are twice as wide as those before them:
///
///     units     0 .. 63   64 .. 127   128 .. 255   ...
///     buckets   0 .. 63   64 .. 95    96 .. 127    ...
///     width        1          2           4
struct histogram_scale {
  static constexpr std::uint64_t unit = 32;
  static constexpr unsigned halves = 5;
  static constexpr std::uint64_t per_octave = 1U << halves;
  /// Of the longest time, 2^37 units: 73 min.
  static constexpr unsigned bits = 37;
  static constexpr std::size_t buckets = (bits - halves + 1) * per_octave;

  static constexpr std::size_t bucket_of(duration time) noexcept {
    auto units =
      static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0))
      / unit;
    units = std::min(units, (std::uint64_t{1} << bits) - 1);
    auto shift = shift_of(units);
    return static_cast<std::size_t>(shift * per_octave + (units >> shift));
  }

  /// The shortest time of a bucket; also of the one beyond the last.
  static constexpr duration begin_of(std::size_t bucket) noexcept {
    auto shift = bucket < 2 * per_octave ? 0 : bucket / per_octave - 1;
    auto units = (bucket - shift * per_octave) << shift;
    return duration{static_cast<duration::rep>(units * unit)};
  }

private:
  static constexpr std::uint64_t shift_of(std::uint64_t units) noexcept {
    return units < 2 * per_octave ? 0U : std::bit_width(units) - (halves + 1U);
  }
};

/// A histogram that is being counted. Thread-safe, and without locks: whoever
/// counts adds to two numbers.
class live_histogram {
public:
  void add(duration time) noexcept {
    sum_.fetch_add(time.count(), std::memory_order_relaxed);
    // Released for `call_counts`.
    counts_[histogram_scale::bucket_of(time)].fetch_add(
      1, std::memory_order_release);
  }

  histogram look() const;

private:
  std::array<std::atomic<std::uint64_t>, histogram_scale::buckets> counts_{};
  std::atomic<duration::rep> sum_{0};
};

} // namespace flame::detail
