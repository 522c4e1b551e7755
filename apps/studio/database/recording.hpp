/// What a runner keeps of a video while it makes the thumbnails.
#pragma once

#include <memory>
#include <string>

#include "database/database.hpp"

namespace studio {

/// Whose thumbnails are made, and where they are kept.
struct video_order {
  video_attempt attempt;
  video_title title;
  video_storage storage;
};

/// Writes to the storage of an order, until that fails: thumbnails are there to
/// be seen, and are made although they cannot be kept. Not thread-safe.
class recording {
public:
  explicit recording(video_order what);

  void begin();
  void add(const thumbnail& what);
  void finish(const video_facts& what);

  /// Why the video is not kept; empty if it is.
  const std::string& problem() const noexcept {
    return problem_;
  }

private:
  template <class F>
  void attempt(F write);

  video_order order_;
  std::shared_ptr<video_writer> writer_;
  std::string problem_;
};

} // namespace studio
