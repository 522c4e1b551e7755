#include "frame.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include <sys/socket.h>

#include <fmt/format.h>

namespace flame::detail {

static_assert(std::endian::native == std::endian::little,
              "frames are little-endian, and so is every supported machine");

namespace {

/// What a lane keeps between calls: enough for small calls, and for one of 64 KiB
/// with what goes before it, little enough for hundreds of lanes.
constexpr std::size_t kept_capacity = 68 * 1024;

constexpr std::size_t first_capacity = 4096;

struct wire_header {
  std::uint32_t magic;
  std::uint8_t version;
  std::uint8_t type;
  std::uint16_t flags;
  std::uint64_t call_id;
  std::uint64_t length;
};

static_assert(sizeof(wire_header) == frame_header::size);

} // namespace

void open_frame(buffer& out) {
  out.clear();
  out.resize(frame_header::size);
}

void close_frame(buffer& out, frame_type type, std::uint16_t flags,
                 std::uint64_t call_id) noexcept {
  wire_header header{frame_header::magic,
                     frame_header::version,
                     static_cast<std::uint8_t>(type),
                     flags,
                     call_id,
                     out.size() - frame_header::size};
  std::memcpy(out.data(), &header, sizeof(header));
}

bool is_request(std::span<const std::byte, frame_header::size> bytes) noexcept {
  wire_header header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  return header.magic == frame_header::magic
         && header.version == frame_header::version
         && header.type == static_cast<std::uint8_t>(frame_type::request);
}

io_status frame_sender::send(int fd, int flags) noexcept {
  while (!left_.empty()) {
    auto sent = ::send(fd, left_.data(), left_.size(), MSG_NOSIGNAL | flags);
    if (sent > 0)
      left_ = left_.subspan(static_cast<std::size_t>(sent));
    else if (errno == EAGAIN || errno == EWOULDBLOCK)
      return io_status::blocked;
    else if (errno != EINTR)
      return io_status::closed;
  }
  return io_status::done;
}

bool frame_receiver::parse_header() {
  wire_header wire;
  std::memcpy(&wire, in_.data() + at_, sizeof(wire));
  if (wire.magic != frame_header::magic) {
    problem_ = fmt::format("a frame starts with 0x{:08x}, not with \"FLME\"",
                           wire.magic);
    return false;
  }
  if (wire.version != frame_header::version) {
    problem_ = fmt::format("a frame of version {}, where {} is spoken",
                           wire.version, frame_header::version);
    return false;
  }
  if (wire.type < static_cast<std::uint8_t>(frame_type::request)
      || wire.type > static_cast<std::uint8_t>(frame_type::end_of_items)) {
    problem_ = fmt::format("a frame of the unknown type {}", wire.type);
    return false;
  }
  if ((wire.flags & ~every_flag) != 0) {
    problem_ = fmt::format("a frame with the unknown flags 0x{:04x}",
                           wire.flags & ~every_flag);
    return false;
  }
  if (wire.length > max_body_) {
    problem_ = fmt::format("a frame of {} bytes, where max_message is {}",
                           wire.length, max_body_);
    return false;
  }
  header_ = {static_cast<frame_type>(wire.type), wire.flags, wire.call_id,
             wire.length};
  have_header_ = true;
  return true;
}

io_status frame_receiver::receive(int fd, int flags) {
  for (;;) {
    if (!have_header_ && available() >= frame_header::size && !parse_header())
      return io_status::bad_frame;
    if (have_header_ && available() >= frame_size())
      return io_status::done;
    compact();
    // At most as much again as has come, so that memory follows the bytes.
    auto wanted = have_header_ ? frame_size() : first_capacity;
    auto capacity = std::min(wanted, std::max(kept_capacity, 2 * in_.size()));
    in_.reserve(std::max(capacity, first_capacity), wanted);
    auto got =
      ::recv(fd, in_.data() + in_.size(), in_.capacity() - in_.size(), flags);
    if (got > 0)
      in_.resize(in_.size() + static_cast<std::size_t>(got));
    else if (got == 0)
      return io_status::closed;
    else if (errno == EAGAIN || errno == EWOULDBLOCK)
      return io_status::blocked;
    else if (errno != EINTR)
      return io_status::closed;
  }
}

void frame_receiver::widen() {
  in_.reserve(kept_capacity);
}

/// Before more is received: what is left of a frame is short then.
void frame_receiver::compact() noexcept {
  if (at_ == 0)
    return;
  auto left = available();
  if (left > 0)
    std::memmove(in_.data(), in_.data() + at_, left);
  in_.resize(left);
  at_ = 0;
}

buffer frame_receiver::take() noexcept {
  compact();
  have_header_ = false;
  return std::exchange(in_, buffer{});
}

void frame_receiver::next() noexcept {
  at_ += frame_size();
  if (empty()) {
    at_ = 0;
    in_.clear();
    in_.shrink(kept_capacity);
  }
  have_header_ = false;
}

} // namespace flame::detail
