#include "jpeg_splitter.hpp"

#include <cstring>
#include <string>

namespace media {

namespace {

constexpr unsigned char escape = 0xff;
constexpr unsigned char start_of_image = 0xd8;
constexpr unsigned char end_of_image = 0xd9;
constexpr unsigned char start_of_scan = 0xda;

/// Markers without a length: restarts, and TEM.
bool stands_alone(unsigned char marker) {
  return (marker >= 0xd0 && marker <= 0xd7) || marker == 0x01;
}

/// Frame headers (SOF0 to SOF15), among which three markers are others.
bool is_frame_header(unsigned char marker) {
  return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8
         && marker != 0xcc;
}

[[noreturn]] void fail(const std::string& what) {
  throw stream_error{"not a stream of JPEG images: " + what};
}

} // namespace

jpeg_splitter::jpeg_splitter(std::size_t max_image) : max_image_(max_image) {
  // nop
}

void jpeg_splitter::push(std::span<const char> bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

std::optional<image> jpeg_splitter::next() {
  while (!is_complete_) {
    if (!step()) {
      if (bytes_.size() > max_image_)
        throw stream_error{"an image is larger than "
                           + std::to_string(max_image_) + " bytes"};
      return std::nullopt;
    }
  }
  auto end = bytes_.begin() + static_cast<std::ptrdiff_t>(position_);
  image result(bytes_.begin(), end);
  bytes_.erase(bytes_.begin(), end);
  position_ = 0;
  is_complete_ = false;
  return result;
}

bool jpeg_splitter::step() {
  switch (state_) {
    case expects::start:
      return step_start();
    case expects::marker:
      return step_marker();
    case expects::length:
      return step_length();
    case expects::payload:
      return step_payload();
    case expects::scan:
      return step_scan();
  }
  return false;
}

bool jpeg_splitter::step_start() {
  if (available() < 2)
    return false;
  if (at(0) != escape || at(1) != start_of_image)
    fail("an image does not begin with its marker");
  position_ += 2;
  state_ = expects::marker;
  return true;
}

bool jpeg_splitter::step_marker() {
  if (available() < 2)
    return false;
  if (at(0) != escape)
    fail("a marker is missing");
  auto marker = at(1);
  // Any number of fill bytes may stand before a marker.
  if (marker == escape) {
    position_ += 1;
    return true;
  }
  position_ += 2;
  if (marker == end_of_image) {
    state_ = expects::start;
    is_complete_ = true;
  } else if (marker == 0 || marker == start_of_image) {
    fail("a marker stands where none can be");
  } else if (!stands_alone(marker)) {
    scan_follows_ = marker == start_of_scan;
    state_ = expects::length;
  }
  return true;
}

bool jpeg_splitter::step_length() {
  if (available() < 2)
    return false;
  payload_ = std::size_t{at(0)} << 8 | at(1);
  if (payload_ < 2)
    fail("a segment is shorter than its own length");
  state_ = expects::payload;
  return true;
}

bool jpeg_splitter::step_payload() {
  if (available() < payload_)
    return false;
  position_ += payload_;
  state_ = scan_follows_ ? expects::scan : expects::marker;
  return true;
}

bool jpeg_splitter::step_scan() {
  auto* begin = bytes_.data() + position_;
  auto* found =
    static_cast<const char*>(std::memchr(begin, escape, available()));
  if (!found) {
    position_ = bytes_.size();
    return false;
  }
  position_ += static_cast<std::size_t>(found - begin);
  if (available() < 2)
    return false;
  auto follows = at(1);
  // In a scan, 0xff is written as 0xff 0x00, and restarts are part of it.
  if (follows == 0 || stands_alone(follows))
    position_ += 2;
  else
    state_ = expects::marker;
  return true;
}

std::optional<image_size> size_of(std::span<const char> jpeg) {
  auto byte = [&](std::size_t at) {
    return static_cast<unsigned char>(jpeg[at]);
  };
  auto word = [&](std::size_t at) {
    return static_cast<unsigned>(byte(at)) << 8 | byte(at + 1);
  };
  std::size_t at = 2;
  while (at + 9 <= jpeg.size() && byte(at) == escape) {
    auto marker = byte(at + 1);
    if (marker == escape) {
      at += 1;
    } else if (stands_alone(marker)) {
      at += 2;
    } else if (is_frame_header(marker)) {
      return image_size{word(at + 7), word(at + 5)};
    } else if (marker == start_of_scan) {
      break;
    } else {
      at += 2 + word(at + 2);
    }
  }
  return std::nullopt;
}

} // namespace media
