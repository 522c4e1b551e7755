/// Sums of times that `infinite` does not overflow.
#pragma once

#include <chrono>

#include "flame/options.hpp"

namespace flame::detail {

/// Longer than any process lives, and short enough to be added to any time.
inline constexpr duration century = std::chrono::hours{24 * 365 * 100};

constexpr bool is_endless(duration time) noexcept {
  return time > century;
}

/// The end of time, `time_point::max()`, where `time` never ends.
constexpr std::chrono::steady_clock::time_point time_after(
  std::chrono::steady_clock::time_point begin, duration time) noexcept {
  return is_endless(time) ? std::chrono::steady_clock::time_point::max()
                          : begin + time;
}

} // namespace flame::detail
