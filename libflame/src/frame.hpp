/// The frames that travel on lanes.
///
/// A lane carries one call at a time: a request, then its result or failure, and
/// between them, where the call streams, items in both directions.
/// A frame is a fixed header and a body:
///
///     offset  size
///          0     4  magic "FLME"
///          4     1  version
///          5     1  type
///          6     2  flags
///          8     8  call id
///         16     8  length of the body
///
/// Numbers are little-endian. A length above `max_message`, and any field that
/// this version does not define, ends the lane: there is no way to find the
/// next frame in a stream that cannot be trusted.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "flame/detail/buffer.hpp"
#include "flame/error.hpp"

namespace flame::detail {

enum class frame_type : std::uint8_t {
  /// Parent to runner: thunk token, callable, arguments.
  request = 1,
  /// Runner to parent: the value that the function returned.
  result = 2,
  /// Runner to parent: an encoded `remote_failure`.
  failure = 3,
  /// Either way, between request and answer: one item of a stream.
  item = 4,
  /// Parent to runner: no item will follow.
  end_of_items = 5,
};

struct frame_header {
  static constexpr std::size_t size = 24;
  static constexpr std::uint32_t magic = 0x454d4c46; // "FLME"
  static constexpr std::uint8_t version = 1;

  frame_type type = frame_type::request;
  std::uint16_t flags = 0;
  std::uint64_t call_id = 0;
  std::uint64_t length = 0;
};

enum frame_flags : std::uint16_t {
  /// Of a request: the function goes on when the parent is gone, see
  /// `call_options::link`.
  unlinked = 1,
  /// Of an answer: the lane ends here, the runner does not read on.
  last_frame = 2,

  every_flag = unlinked | last_frame,
};

/// Starts a frame in `out`: leaves room for the header, the body follows.
void open_frame(buffer& out);

/// Writes the header once the body is complete.
void close_frame(buffer& out, frame_type type, std::uint16_t flags,
                 std::uint64_t call_id) noexcept;

/// Whether these bytes are the header of a request.
bool is_request(std::span<const std::byte, frame_header::size> bytes) noexcept;

/// What became of one attempt to move bytes.
enum class io_status {
  /// The frame is complete.
  done,
  /// The socket is full or empty: wait for it.
  blocked,
  /// The peer is gone.
  closed,
  /// What came is not a frame, or more than may come.
  bad_frame,
};

/// Sends one frame, in as many steps as the socket wants.
class frame_sender {
public:
  explicit frame_sender(std::span<const std::byte> frame) noexcept
    : left_(frame) {
    // nop
  }

  /// Sends until the frame is gone or the socket is full.
  /// @param flags for a socket that blocks, `MSG_DONTWAIT` to be told instead
  io_status send(int fd, int flags = 0) noexcept;

private:
  std::span<const std::byte> left_;
};

/// Receives frames into memory that grows with what has arrived: a length on
/// the wire allocates nothing.
class frame_receiver {
public:
  explicit frame_receiver(std::uint64_t max_body) noexcept
    : max_body_(max_body) {
    // nop
  }

  /// Receives until one frame is complete or the socket is empty.
  /// @param flags for a socket that blocks, `MSG_DONTWAIT` to be told instead
  io_status receive(int fd, int flags = 0);

  /// The header of the frame. Valid after `done`, until `next`.
  const frame_header& header() const noexcept {
    return header_;
  }

  /// The body of the frame. Valid after `done`, until `next`.
  std::span<const std::byte> body() const noexcept {
    return in_.bytes().subspan(at_ + frame_header::size, header_.length);
  }

  /// Takes the frame's bytes out, header first, and leaves the receiver empty.
  buffer take() noexcept;

  /// Makes room for the next frame, keeping what has come of it already.
  void next() noexcept;

  /// Why `receive` returned `bad_frame`.
  const std::string& problem() const noexcept {
    return problem_;
  }

  bool empty() const noexcept {
    return in_.size() == at_;
  }

  /// Makes room for many frames at a time: a stream is to come.
  void widen();

private:
  bool parse_header();
  void compact() noexcept;

  std::size_t available() const noexcept {
    return in_.size() - at_;
  }

  std::size_t frame_size() const noexcept {
    return frame_header::size + static_cast<std::size_t>(header_.length);
  }

  std::uint64_t max_body_;
  buffer in_;
  /// Where the present frame begins: what lies before is used up.
  std::size_t at_ = 0;
  frame_header header_;
  bool have_header_ = false;
  std::string problem_;
};

} // namespace flame::detail
