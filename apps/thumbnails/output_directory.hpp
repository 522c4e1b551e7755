/// Where frames and contact sheet go.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace thumbnails {

/// A directory in which files appear whole or not at all: they are written
/// under another name, and renamed. Not thread-safe.
class output_directory {
public:
  /// Makes the directory if it is not there, and tries whether files can be
  /// written to it, so that this is known before any work is done.
  /// @throws std::runtime_error that says why not
  explicit output_directory(std::filesystem::path path);

  const std::filesystem::path& path() const noexcept {
    return path_;
  }

  /// Writes or replaces a file.
  /// @throws std::runtime_error, e.g. if the disk is full
  void write(const std::string& name, std::span<const char> bytes);

  /// Removes frames from number `count` on, which an earlier run with more
  /// frames has left.
  void remove_frames_from(std::uint32_t count);

private:
  std::filesystem::path path_;
};

/// `frame-000001.jpg` for the first frame, whose index is 0.
std::string frame_name(std::uint32_t index);

inline constexpr const char* sheet_name = "contact-sheet.png";

} // namespace thumbnails
