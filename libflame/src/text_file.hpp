/// Files that are read whole.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace flame::detail {

/// The text of a file, or nothing.
/// @param longest in bytes; a file that is longer is not read
/// @param reason becomes what went wrong, if something did
std::optional<std::string> read_text_file(const std::string& path,
                                          std::size_t longest,
                                          std::string& reason);

} // namespace flame::detail
