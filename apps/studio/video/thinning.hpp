/// Which thumbnails of a long video are kept.
#pragma once

#include <cstdint>

namespace studio {

/// Lets the first thumbnails pass, then each second one, then each fourth, and
/// so on: the length of a video is not known while it is being uploaded, and a
/// long one should not have thousands of them.
class thinning {
public:
  /// @param per_step thumbnails that pass before their distance doubles; at
  ///        least 1
  explicit thinning(std::uint32_t per_step = 60) noexcept
    : per_step_(per_step) {
    // nop
  }

  /// Whether to keep the next one.
  bool keep() noexcept {
    auto is_kept = position_++ % distance_ == 0;
    if (is_kept && ++kept_ == per_step_) {
      kept_ = 0;
      distance_ *= 2;
    }
    return is_kept;
  }

private:
  std::uint32_t per_step_;
  std::uint32_t position_ = 0;
  std::uint32_t distance_ = 1;
  std::uint32_t kept_ = 0;
};

} // namespace studio
