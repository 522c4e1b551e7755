/// The files of a page, which are part of the program: see `web_embed` in
/// CMakeLists.txt.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "web/reply.hpp"

namespace web {

struct asset {
  /// As in the address: `"/app.js"`; `/` is the page.
  std::string_view path;
  std::string_view type;
  std::string_view body;
};

/// The answer to a request for one of `assets`; nothing if it is for none.
/// @param target what stands in the request, as it is
std::optional<reply> find_asset(std::span<const asset> assets,
                                std::string_view target);

} // namespace web
