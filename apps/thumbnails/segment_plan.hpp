/// Which frames are wanted of a video, and how they are shared out.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace thumbnails {

using milliseconds = std::chrono::milliseconds;

/// A part of the video that one ffmpeg works on. Frames are numbered from 0
/// over the whole video.
struct segment {
  std::uint32_t number = 0;
  std::uint32_t first_frame = 0;
  std::uint32_t frames = 0;

  friend bool operator==(const segment&, const segment&) = default;
};

struct segment_plan {
  milliseconds every{};
  std::uint32_t frames = 0;
  std::vector<segment> segments;

  milliseconds time_of(std::uint32_t frame) const {
    return every * frame;
  }
};

/// Most frames of one video: their names have six digits.
inline constexpr std::int64_t max_frames = 999'999;

/// Shares a video out in segments of whole frames. The plan depends on the
/// video alone and not on who works on it, so that its outcome does not either.
///
/// @param duration of the video, more than 0
/// @param every time from frame to frame, at least 1 ms
/// @param length of a segment; rounded up to whole frames
/// @throws std::runtime_error when there would be more than `max_frames`
segment_plan make_plan(std::chrono::microseconds duration, milliseconds every,
                       milliseconds length);

/// `00:01:02`, with `.500` where frames are not whole seconds apart.
std::string time_stamp(milliseconds time, bool with_fraction);

/// Whether time stamps of this plan need a fraction.
inline bool needs_fraction(milliseconds every) {
  return every % std::chrono::seconds{1} != milliseconds::zero();
}

} // namespace thumbnails
