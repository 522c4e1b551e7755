/// Where videos are kept: thumbnails, and what is known of them.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "video/video.hpp"

namespace studio {

/// A database that cannot be reached, or refuses what it is told. The text is
/// for people, and has no password in it.
class database_error : public std::runtime_error {
public:
  using runtime_error::runtime_error;
};

/// One attempt to make the thumbnails of a video.
struct video_attempt {
  /// By which the studio calls the video.
  std::string video;
  /// From 1. A later one replaces what an earlier one has written, which cannot
  /// write any more then.
  std::uint32_t number = 1;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, video_attempt& x) {
  return f(x.video, x.number);
}

/// What is known of a video before it is read.
struct video_title {
  std::string name;
  /// In bytes.
  std::uint64_t size = 0;
  /// When its upload began, in ms since 1970.
  std::int64_t created_ms = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, video_title& x) {
  return f(x.name, x.size, x.created_ms);
}

/// What whoever makes the thumbnails writes: `begin`, each thumbnail, `finish`.
/// Each of them may be repeated, and has the same effect then. All throw
/// `database_error`.
class video_writer {
public:
  virtual ~video_writer() = default;

  /// The video has no thumbnails from here on, and is not finished.
  virtual void begin(const video_attempt& by, const video_title& what) = 0;

  /// Has no effect where the video is not there, or a later attempt has begun.
  virtual void add(const video_attempt& by, const thumbnail& what) = 0;

  /// All thumbnails are there. Has no effect where `add` has none.
  virtual void finish(const video_attempt& by, const video_facts& what) = 0;
};

struct stored_video {
  std::string id;
  video_title title;
  video_facts facts;
  /// Of its thumbnails, by index, in ms.
  std::vector<std::int64_t> times;
};

/// Videos, and their thumbnails. Thread-safe. All functions throw
/// `database_error`.
class repository : public video_writer {
public:
  /// Makes the tables that are missing, and removes what was not finished within
  /// a day. To be called once, before the other functions, by whoever owns the
  /// database. Fails, and changes nothing, where the tables are of another
  /// version.
  virtual void open() = 0;

  /// The latest of the videos that are finished, the latest one first.
  /// @param most how many there are at most
  virtual std::vector<stored_video> latest(std::size_t most) = 0;

  /// A thumbnail, of a video that need not be finished; nothing if there is none
  virtual std::optional<std::string> jpeg(const std::string& video,
                                          std::uint32_t index) = 0;

  /// Removes a video with its thumbnails. Has no effect if there is none.
  virtual void remove(const std::string& video) = 0;
};

} // namespace studio
