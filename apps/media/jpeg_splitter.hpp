/// Takes the images out of a stream of JPEG images that follow one another, as
/// ffmpeg's image2pipe writes them.
///
/// Looking for the bytes of an end marker is not enough: they may stand in a
/// comment or in an embedded preview. So this walks from marker to marker, as
/// a decoder does.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <stdexcept>
#include <vector>

namespace media {

using image = std::vector<char>;

/// The stream is not one of JPEG images, or an image in it is too large.
class stream_error : public std::runtime_error {
public:
  using runtime_error::runtime_error;
};

/// Bytes go in as they arrive, whole images come out. Not thread-safe.
class jpeg_splitter {
public:
  /// @param max_image size in bytes at which an image without end is an error,
  ///        so that a broken stream does not fill the memory
  explicit jpeg_splitter(std::size_t max_image = std::size_t{64} << 20);

  void push(std::span<const char> bytes);

  /// The next image, if all of it has arrived.
  /// @throws stream_error
  std::optional<image> next();

  /// Whether the stream may end here: no part of an image is left over.
  bool is_between_images() const noexcept {
    return bytes_.empty();
  }

private:
  enum class expects { start, marker, length, payload, scan };

  /// Goes on from `position_`. Returns false if more bytes are needed.
  bool step();
  bool step_start();
  bool step_marker();
  bool step_length();
  bool step_payload();
  bool step_scan();

  std::size_t available() const noexcept {
    return bytes_.size() - position_;
  }

  unsigned char at(std::size_t offset) const noexcept {
    return static_cast<unsigned char>(bytes_[position_ + offset]);
  }

  std::size_t max_image_;
  std::vector<char> bytes_;
  /// What has been parsed, in bytes.
  std::size_t position_ = 0;
  std::size_t payload_ = 0;
  expects state_ = expects::start;
  bool scan_follows_ = false;
  bool is_complete_ = false;
};

/// Width and height in pixels.
struct image_size {
  unsigned width = 0;
  unsigned height = 0;

  friend bool operator==(const image_size&, const image_size&) = default;
};

/// The size of a JPEG image, by its frame header.
std::optional<image_size> size_of(std::span<const char> jpeg);

} // namespace media
