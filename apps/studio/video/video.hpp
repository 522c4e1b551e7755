/// What a video is, and what is made of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace studio {

/// What a video is. What is not known is empty or 0.
struct video_facts {
  std::string codec;
  /// In pixels.
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::int64_t duration_ms = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, video_facts& x) {
  return f(x.codec, x.width, x.height, x.duration_ms);
}

struct thumbnail {
  /// From 0, without gaps.
  std::uint32_t index = 0;
  /// Where in the video it is.
  std::int64_t time_ms = 0;
  std::vector<char> jpeg;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, thumbnail& x) {
  return f(x.index, x.time_ms, x.jpeg);
}

} // namespace studio
