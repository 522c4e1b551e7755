#include "segment_plan.hpp"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

namespace thumbnails {

namespace {

std::int64_t rounded_up(std::int64_t what, std::int64_t parts) {
  return (what + parts - 1) / parts;
}

} // namespace

segment_plan make_plan(std::chrono::microseconds duration, milliseconds every,
                       milliseconds length) {
  // Containers round durations: a frame that is due within the last
  // millisecond is not there.
  auto usable = std::chrono::floor<milliseconds>(duration) - milliseconds{1};
  auto frames =
    std::max<std::int64_t>(rounded_up(usable.count(), every.count()), 1);
  if (frames > max_frames)
    throw std::runtime_error{fmt::format(
      "a frame every {} ms of {:.0f} s are {} frames, and there "
      "may be {}: choose a longer --every",
      every.count(), std::chrono::duration<double>(duration).count(), frames,
      max_frames)};
  segment_plan result;
  result.every = every;
  result.frames = static_cast<std::uint32_t>(frames);
  auto per_segment = static_cast<std::uint32_t>(std::clamp<std::int64_t>(
    rounded_up(length.count(), every.count()), 1, frames));
  for (std::uint32_t first = 0; first < result.frames; first += per_segment)
    result.segments.push_back(
      {static_cast<std::uint32_t>(result.segments.size()), first,
       std::min(per_segment, result.frames - first)});
  return result;
}

std::string time_stamp(milliseconds time, bool with_fraction) {
  auto ms = time.count();
  auto text = fmt::format("{:02}:{:02}:{:02}", ms / 3'600'000, ms / 60'000 % 60,
                          ms / 1'000 % 60);
  if (with_fraction)
    text += fmt::format(".{:03}", ms % 1'000);
  return text;
}

} // namespace thumbnails
