/// How long something took, many times over.
#pragma once

#include <cstdint>
#include <vector>

#include "flame/detail/export.hpp"
#include "flame/options.hpp"

namespace flame {

namespace detail {
class live_histogram;
}

/// A distribution of times, as it was at one moment: `pool::calls` and
/// `pool::boot_times` have some. A value, of at most 8.3 KiB.
///
/// Times are counted in buckets, by the scheme of Gil Tene's HdrHistogram
/// (hdrhistogram.org): from each power of two to the next there are 32, equally
/// wide. So what is said of times is off by at most 1/64 of them, 1.6 %; below
/// 1 us by at most 16 ns. Times beyond 73 min count as 73 min.
///
/// What is counted never goes down, so the difference of two snapshots is what
/// happened in between:
///
///     auto before = pool.calls();
///     ...
///     auto lately = pool.calls().succeeded - before.succeeded;
///     lately.percentile(0.99);
class FLAME_EXPORT histogram {
public:
  /// The times of at least `from` and less than `to`.
  struct bucket {
    duration from{0};
    duration to{0};
    std::uint64_t count = 0;

    friend bool operator==(const bucket&, const bucket&) = default;
  };

  histogram() = default;

  /// How many times were counted.
  std::uint64_t count() const noexcept {
    return count_;
  }

  /// All times together, exactly. While times are being counted, it may be that
  /// of a few more or fewer than `count`.
  duration sum() const noexcept {
    return sum_;
  }

  /// `sum` by `count`; 0 if there are none.
  duration mean() const noexcept;

  /// The time that a share of all does not exceed; 0 if there are none.
  /// @param share 0 to 1: 0.5 is the median, 0 the shortest time, 1 the longest
  duration percentile(double share) const noexcept;

  /// The buckets that something is in, from short times to long ones.
  std::vector<bucket> buckets() const;

  /// Takes away what an earlier snapshot of the same distribution has.
  histogram& operator-=(const histogram& earlier) noexcept;

  friend histogram operator-(histogram later,
                             const histogram& earlier) noexcept {
    later -= earlier;
    return later;
  }

  friend bool operator==(const histogram&, const histogram&) = default;

private:
  friend class detail::live_histogram;

  /// Up to the last one that something is in.
  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  duration sum_{0};
};

} // namespace flame
