#include "flame/histogram.hpp"

#include <algorithm>
#include <cmath>

#include "live_histogram.hpp"

namespace flame {

using scale = detail::histogram_scale;

duration histogram::mean() const noexcept {
  if (count_ == 0)
    return duration{0};
  return sum_ / static_cast<duration::rep>(count_);
}

duration histogram::percentile(double share) const noexcept {
  auto wanted = static_cast<std::uint64_t>(
    std::ceil(std::clamp(share, 0., 1.) * static_cast<double>(count_)));
  wanted = std::max<std::uint64_t>(wanted, 1);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= wanted)
      return (scale::begin_of(i) + scale::begin_of(i + 1)) / 2;
  }
  return duration{0};
}

std::vector<histogram::bucket> histogram::buckets() const {
  std::vector<bucket> result;
  for (std::size_t i = 0; i < counts_.size(); ++i)
    if (counts_[i] > 0)
      result.push_back(
        {scale::begin_of(i), scale::begin_of(i + 1), counts_[i]});
  return result;
}

histogram& histogram::operator-=(const histogram& earlier) noexcept {
  count_ = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    if (i < earlier.counts_.size())
      counts_[i] -= std::min(counts_[i], earlier.counts_[i]);
    count_ += counts_[i];
  }
  while (!counts_.empty() && counts_.back() == 0)
    counts_.pop_back();
  sum_ = std::max(sum_ - earlier.sum_, duration{0});
  return *this;
}

namespace detail {

histogram live_histogram::look() const {
  histogram result;
  result.counts_.resize(counts_.size());
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    result.counts_[i] = counts_[i].load(std::memory_order_acquire);
    result.count_ += result.counts_[i];
  }
  while (!result.counts_.empty() && result.counts_.back() == 0)
    result.counts_.pop_back();
  result.sum_ = duration{sum_.load(std::memory_order_relaxed)};
  return result;
}

} // namespace detail

} // namespace flame
