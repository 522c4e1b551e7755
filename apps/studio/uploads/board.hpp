/// The uploads that are under way.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "uploads/upload_view.hpp"

namespace studio {

/// An upload, and the thumbnails that are there.
struct upload_on_board {
  upload_view view;
  /// Of its thumbnails, by index, in ms.
  std::vector<std::int64_t> times = {};
};

/// What browsers that come later have to know, and how many uploads there may
/// be. Thread-safe.
class board {
public:
  /// @param most uploads at a time
  explicit board(std::size_t most) : most_(most) {
    // nop
  }

  /// @returns false if there are as many as there may be
  bool admit(const upload_view& view);

  void update(const upload_view& view);

  /// Another thumbnail of the attempt that `update` was told of last.
  /// @param time_ms where in the video it is
  void add_thumbnail(const std::string& id, std::int64_t time_ms);

  void remove(const std::string& id);

  /// In the order in which they began.
  std::vector<upload_on_board> snapshot() const;

private:
  const std::size_t most_;
  mutable std::mutex mutex_;
  std::map<std::string, upload_on_board> uploads_;
};

} // namespace studio
