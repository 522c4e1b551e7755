#include "call_counts.hpp"

#include <algorithm>

namespace flame {

std::uint64_t call_stats::failures() const noexcept {
  std::uint64_t result = 0;
  for (auto& [why, count] : failed)
    result += count;
  return result;
}

std::uint64_t call_stats::under_way() const noexcept {
  return started - succeeded.count() - failures();
}

namespace detail {

call_stats call_counts::look() const {
  call_stats result;
  // The ends first: who sees an end sees its beginning, too.
  result.succeeded = succeeded_.look();
  for (std::size_t i = 0; i < failed_.size(); ++i)
    if (auto count = failed_[i].load(std::memory_order_acquire); count > 0)
      result.failed.emplace(static_cast<errc>(i), count);
  result.started = started_.load(std::memory_order_relaxed);
  return result;
}

} // namespace detail

} // namespace flame
