/// What the user sees of the work.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "messages.hpp"
#include "segment_plan.hpp"
#include "video_probe.hpp"

namespace thumbnails {

struct job {
  video_info video;
  segment_plan plan;
  std::filesystem::path out;
  std::uint32_t width = 0;
};

struct frame_event {
  std::uint32_t index = 0;
  milliseconds time{};
  attempt_id id;
  std::string runner;
  /// Frames that are there, this one included.
  std::uint32_t done = 0;
};

struct summary {
  enum class kind { complete, failed, interrupted };

  kind how = kind::failed;
  std::string problem;
  /// It failed because no runner can boot with the options of the pool.
  bool is_misconfigured = false;
  std::uint32_t frames = 0;
  std::uint32_t total = 0;
  std::size_t retries = 0;
  /// Most runners at a time.
  std::size_t most_runners = 0;
  std::filesystem::path sheet;
};

/// Told of everything that happens. Not thread-safe: first the coordinator's,
/// then, when that is done, the main thread's.
class progress {
public:
  virtual ~progress();

  virtual void started(const job&) {}

  /// Called several times a second, with the state of the pool.
  virtual void tick(std::size_t /*runners*/, std::size_t /*booting*/) {}

  virtual void segment_started(const extraction_started&) {}

  virtual void frame_written(const frame_event&) {}

  virtual void segment_retry(attempt_id /*failed*/,
                             const std::string& /*reason*/) {}

  virtual void ffmpeg_ended(const extraction_ended&) {}

  virtual void making_sheet() {}

  /// The work is over, the pool shrinks.
  virtual void shrinking(std::size_t /*from*/, std::size_t /*runners*/) {}

  /// It has shrunk as far as was waited for.
  virtual void shrunk(std::size_t /*from*/, std::size_t /*runners*/) {}

  virtual void finished(const summary&) {}
};

/// A bar on a terminal, lines elsewhere.
std::unique_ptr<progress> make_text_progress();

/// An object per line.
std::unique_ptr<progress> make_json_progress();

/// Says nothing but why it failed.
std::unique_ptr<progress> make_quiet_progress();

/// One line for people on how it ended.
std::string describe(const summary& how, const std::string& out);

} // namespace thumbnails
