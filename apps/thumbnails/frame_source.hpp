/// ffmpeg at work on one segment, and the frames that it makes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "media/jpeg_splitter.hpp"
#include "media/subprocess.hpp"
#include "segment_plan.hpp"

namespace thumbnails {

/// What to take from which video.
struct extraction {
  std::string video;
  std::int64_t start_ms = 0;
  std::int64_t every_ms = 0;
  std::uint32_t frames = 0;
  std::uint32_t width = 0;
};

/// The arguments that make ffmpeg write the frames of `what` to its standard
/// output, each as soon as it is there.
std::vector<std::string> ffmpeg_arguments(const extraction& what);

/// Starts ffmpeg, and hands over its frames while it runs: never more of them
/// than were asked for. As long as no frame is wanted, nothing is read either,
/// so that the pipe fills and ffmpeg waits; memory holds one frame and a
/// buffer, however slow the consumer and however long the video.
///
/// Reading is done by a thread of its own, because a pipe that has nothing to
/// read must not hold up whoever owns this object. The functions are called on
/// that thread. The destructor kills ffmpeg and waits for thread and process;
/// ffmpeg dies at once, so that this takes a few milliseconds.
class frame_source {
public:
  struct outcome {
    std::uint32_t frames = 0;
    media::exit_status status;
    /// What ffmpeg said, or what was wrong with its output. Empty if all is
    /// well.
    std::string problem;
    /// When ffmpeg ended, in ms since 1970.
    std::int64_t ended_at = 0;
  };

  /// @param wanted frames that may be handed over at first
  /// @param on_frame called with each frame
  /// @param on_end called once, after the last frame
  /// @throws std::runtime_error if ffmpeg cannot be started
  frame_source(const extraction& what, std::size_t wanted,
               std::function<void(media::image)> on_frame,
               std::function<void(outcome)> on_end);

  ~frame_source();

  /// Allows for `count` more frames. Thread-safe.
  void want(std::size_t count);

  int ffmpeg_pid() const noexcept;

private:
  class worker;

  std::unique_ptr<worker> worker_;
};

} // namespace thumbnails
