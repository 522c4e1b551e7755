/// The function that runs on a runner: a video comes in while it is being
/// uploaded, thumbnails go out.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include <flame/stream.hpp>

#include "database/recording.hpp"
#include "video/video.hpp"

namespace studio {

/// What to make of a video.
struct thumbnail_job {
  /// Time from thumbnail to thumbnail, in ms; more than that in long videos,
  /// see `thinning`.
  std::int64_t every_ms = 1000;
  /// Width and height of the square that each thumbnail fits into, in pixels.
  std::uint32_t box = 400;
};

/// The function has begun: who works on the video.
struct work_started {
  std::string runner;
};

/// The video can only be read once all of it is there: its index is at the
/// end.
struct waits_for_end {};

/// Nothing will come of the video. The function ends when its caller leaves the
/// stream: until then, it takes what is still on its way.
struct work_failed {
  std::string problem;
};

/// What the function tells while it works.
using thumbnail_news = std::variant<work_started, video_facts, waits_for_end,
                                    thumbnail, work_failed>;

struct made_thumbnails {
  std::uint32_t count = 0;
  std::int64_t duration_ms = 0;
  /// Why they are not kept; empty if they are.
  std::string problem;
};

using video_chunk = std::vector<char>;

/// Takes a video in chunks and sends its thumbnails, the first ones while the
/// last chunks have not come yet, where the video allows for it. When it is
/// asked to stop, ffmpeg is killed at once.
///
/// ffmpeg reads the chunks from a pipe. Until its first picture has come, they
/// are also kept in a file without a name: if ffmpeg can make nothing of the
/// pipe, as with an MP4 whose index is at its end, it reads the file when that
/// is complete.
///
/// Each thumbnail is in the storage of `order` before it is sent: whoever hears
/// of it finds it there. If that fails, the rest is made all the same, and not
/// kept.
///
/// @throws std::runtime_error if it is no video, in words for whoever uploaded
///         it
made_thumbnails make_thumbnails(std::stop_token stop,
                                flame::emitter<thumbnail_news>& out,
                                flame::source<video_chunk>& in,
                                thumbnail_job job, video_order order);

} // namespace studio
