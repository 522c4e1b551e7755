/// The program's own command line; flame's flags have been taken out of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>

namespace thumbnails {

struct options {
  std::string video;
  std::chrono::milliseconds every{1000};
  std::chrono::milliseconds segment{10'000};
  std::string out = "thumbnails";
  std::uint32_t width = 320;
  std::optional<std::uint32_t> columns;
  std::string font;
  std::string pool = "ffmpeg";
  bool as_json = false;
  bool is_quiet = false;
};

/// Reads the arguments. Where the program is to end instead, prints what there
/// is to say and returns its exit status: 0 after `--help`, 2 after a mistake.
std::variant<options, int> parse_options(std::span<const std::string> args);

} // namespace thumbnails
