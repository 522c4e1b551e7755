/// What tests of the program `thumbnails` need.
#pragma once

#include "media/jpeg_splitter.hpp"
#include "support/media_programs.hpp"

namespace thumbnails_test {

using namespace tests;

inline std::size_t frames_in(const fs::path& directory) {
  if (!fs::exists(directory))
    return 0;
  return static_cast<std::size_t>(std::ranges::count_if(
    fs::directory_iterator{directory}, [](const fs::directory_entry& entry) {
      auto name = entry.path().filename().string();
      return name.starts_with("frame-") && name.ends_with(".jpg");
    }));
}

inline std::optional<media::image_size> jpeg_size(const fs::path& path) {
  auto text = contents(path);
  return media::size_of(text);
}

/// Of a PNG image, whose header stands at a fixed place.
inline media::image_size png_size(const std::string& bytes) {
  if (bytes.size() < 24 || bytes.compare(1, 3, "PNG") != 0)
    return {};
  auto number = [&](std::size_t at) {
    unsigned result = 0;
    for (std::size_t i = 0; i < 4; ++i)
      result = result << 8 | static_cast<unsigned char>(bytes[at + i]);
    return result;
  };
  return {number(16), number(20)};
}

/// A video on which ffmpeg has enough to do to be met at work; made once.
inline const std::string& long_video() {
  static temporary_directory directory;
  static auto path = [] {
    auto result = directory / "long.mp4";
    make_video(result, {.size = "640x360", .seconds = "40"});
    return result;
  }();
  return path;
}

} // namespace thumbnails_test
