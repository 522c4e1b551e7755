/// What there is to know of a video before frames are taken from it.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>

namespace thumbnails {

struct video_info {
  /// Absolute path.
  std::string path;
  std::chrono::microseconds duration{};
  unsigned width = 0;
  unsigned height = 0;
};

/// Asks ffprobe.
/// @throws std::runtime_error if the file cannot be read, or is no video
video_info probe_video(const std::string& path, std::stop_token stop);

} // namespace thumbnails
