/// What coordinator and extractors tell each other, across nodes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <caf/all.hpp>

namespace thumbnails {

/// Which attempt at which segment a message is about: messages of an attempt
/// that was given up may still arrive.
struct attempt_id {
  std::uint32_t segment = 0;
  std::uint32_t attempt = 0;

  friend bool operator==(const attempt_id&, const attempt_id&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, attempt_id& x) {
  return f(caf::meta::type_name("thumbnails::attempt_id"), x.segment,
           x.attempt);
}

/// ffmpeg runs.
struct extraction_started {
  attempt_id id;
  std::string runner;
  std::int32_t runner_pid = 0;
  std::int32_t ffmpeg_pid = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, extraction_started& x) {
  return f(caf::meta::type_name("thumbnails::extraction_started"), x.id,
           x.runner, x.runner_pid, x.ffmpeg_pid);
}

/// One frame, as a JPEG image. Each is acknowledged by `frame_accepted`.
struct frame {
  attempt_id id;
  std::uint32_t index = 0;
  std::vector<char> jpeg;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, frame& x) {
  return f(caf::meta::type_name("thumbnails::frame"), x.id, x.index, x.jpeg);
}

/// The coordinator is done with a frame: it wants one more.
struct frame_accepted {
  std::uint32_t index = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, frame_accepted& x) {
  return f(caf::meta::type_name("thumbnails::frame_accepted"), x.index);
}

/// ffmpeg has ended, after its last frame was sent.
struct extraction_ended {
  attempt_id id;
  std::uint32_t frames = 0;
  /// Exit status, or the number of the signal that ended it.
  std::int32_t status = 0;
  bool by_signal = false;
  /// Empty if all is well; what went wrong otherwise.
  std::string problem;
  /// When it ended by the clock of the runner's machine, in ms since 1970.
  std::int64_t ended_at = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, extraction_ended& x) {
  return f(caf::meta::type_name("thumbnails::extraction_ended"), x.id, x.frames,
           x.status, x.by_signal, x.problem, x.ended_at);
}

} // namespace thumbnails

CAF_BEGIN_TYPE_ID_BLOCK(thumbnails, caf::first_custom_type_id)

CAF_ADD_TYPE_ID(thumbnails, (thumbnails::attempt_id))
CAF_ADD_TYPE_ID(thumbnails, (thumbnails::extraction_started))
CAF_ADD_TYPE_ID(thumbnails, (thumbnails::frame))
CAF_ADD_TYPE_ID(thumbnails, (thumbnails::frame_accepted))
CAF_ADD_TYPE_ID(thumbnails, (thumbnails::extraction_ended))

CAF_END_TYPE_ID_BLOCK(thumbnails)
