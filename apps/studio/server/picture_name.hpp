/// The addresses of thumbnails: a pure check.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace studio {

struct picture_name {
  /// 16 hexadecimal digits.
  std::string video;
  std::uint32_t index = 0;
};

/// Reads `0123456789abcdef/12.jpg`; nothing if it is anything else.
std::optional<picture_name> parse_picture_name(std::string_view name);

} // namespace studio
