/// The uploads that are under way.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "uploads/upload_view.hpp"

namespace studio {

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

  void remove(const std::string& id);

  /// In the order in which they began.
  std::vector<upload_view> snapshot() const;

private:
  const std::size_t most_;
  mutable std::mutex mutex_;
  std::map<std::string, upload_view> uploads_;
};

} // namespace studio
