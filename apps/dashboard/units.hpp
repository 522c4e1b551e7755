/// Times as the page has them.
#pragma once

#include <cmath>

#include <flame/options.hpp>

namespace flame::dash {

/// To 0.1 us.
inline double micros(duration time) {
  return std::round(static_cast<double>(time.count()) / 100) / 10;
}

/// To 0.01 s.
inline double seconds(duration time) {
  return std::round(static_cast<double>(time.count()) / 1e7) / 100;
}

} // namespace flame::dash
