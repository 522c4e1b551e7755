/// An upload, as browsers see it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "video/thumbnailer.hpp"

namespace studio {

enum class upload_state : unsigned char {
  /// Its video is on its way, and no runner has taken it yet.
  queued,
  /// A runner works on it.
  working,
  /// All of it is needed before the work can begin.
  waiting,
  /// Its runner was lost; another one begins anew.
  retrying,
  done,
  failed,
  /// Its browser has left.
  cancelled,
};

/// `"queued"` and so on.
const char* to_string(upload_state value) noexcept;

struct upload_view {
  std::string id;
  /// As its browser called it, cleaned.
  std::string name;
  /// In bytes.
  std::uint64_t size = 0;
  std::uint64_t received = 0;
  upload_state state = upload_state::queued;
  std::string runner;
  /// Which attempt this is, from 1.
  std::uint32_t attempt = 1;
  std::uint32_t thumbnails = 0;
  video_facts facts;
  /// Why it has failed, or is made again; for people.
  std::string note;
  /// When it began, in ms since 1970.
  std::int64_t created_ms = 0;
};

/// The event that tells how an upload is.
std::string upload_event(const upload_view& view);

/// The event that tells of thumbnails that are there already.
/// @param times as `upload_on_board` has them
std::string thumbnails_event(const upload_view& view,
                             const std::vector<std::int64_t>& times);

/// The event that comes with a picture.
std::string thumbnail_event(const std::string& upload, std::uint32_t attempt,
                            const thumbnail& what);

} // namespace studio
