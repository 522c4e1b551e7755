/// The files of the page, which are part of the program.
#pragma once

#include <span>
#include <string_view>

namespace studio {

struct asset {
  /// As in the address: `"/app.js"`.
  std::string_view path;
  std::string_view type;
  std::string_view body;
};

/// All of them. `/` is the page.
std::span<const asset> assets() noexcept;

} // namespace studio
