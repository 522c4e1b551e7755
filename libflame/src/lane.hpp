#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "flame/detail/unique_fd.hpp"
#include "flame/options.hpp"
#include "frame.hpp"

namespace flame::detail {

/// The parent's end of one connection to a runner, which carries one call at a
/// time. Not thread-safe: whoever holds the slot owns the lane.
class lane {
public:
  /// @param served_by what is at the other end
  lane(unique_fd fd, std::uint64_t max_body,
       isolation served_by = isolation::thread) noexcept
    : fd_(std::move(fd)),
      number_(fd_.get()),
      served_by_(served_by),
      in_(max_body) {
    // nop
  }

  int fd() const noexcept {
    return number_;
  }

  isolation served_by() const noexcept {
    return served_by_;
  }

  frame_receiver& in() noexcept {
    return in_;
  }

  std::uint64_t next_call_id() noexcept {
    return ++last_call_id_;
  }

  std::uint64_t call_id() const noexcept {
    return last_call_id_;
  }

  /// The lane as the reactor waits for it. Registers it on first use and leaves
  /// it registered, as the next caller is likely of the same kind.
  boost::asio::posix::stream_descriptor& watched(boost::asio::io_context& io);

  bool is_watched() const noexcept {
    return descriptor_.has_value();
  }

  /// Takes the lane away from the reactor, which would otherwise wake up for
  /// each answer to a blocking caller.
  void unwatch();

  /// Tells the runner to stop the call: the parent's half of the lane ends. The
  /// lane carries no call after this one.
  void cancel() noexcept;

private:
  /// Owned by `descriptor_` while the reactor knows it.
  unique_fd fd_;
  const int number_;
  const isolation served_by_;
  std::optional<boost::asio::posix::stream_descriptor> descriptor_;
  frame_receiver in_;
  std::uint64_t last_call_id_ = 0;
};

/// What stands beside a descriptor on a `lanes` socket.
inline constexpr char lane_to_thread = 'L';
inline constexpr char lane_to_worker = 'W';
inline constexpr char heartbeat_connection = 'H';

/// Sends `fd` beside one byte; a message must have data to carry a descriptor.
/// Does not wait.
/// @returns false with `errno`
bool send_descriptor(int socket, int fd, char data) noexcept;

/// What has come over such a socket: one byte, and maybe a descriptor.
struct received {
  /// As that of `recvmsg`, with `errno`.
  ssize_t size = -1;
  char data = 0;
  unique_fd fd;
};

/// @param flags those of `recvmsg`
received receive_descriptor(int socket, int flags) noexcept;

/// Opens lanes to one runner, by passing one end of a new socket pair over a
/// socket that the runner inherited. Thread-safe.
class lane_opener {
public:
  /// @param lanes the parent's end of the runner's `lanes` socket
  /// @param max_body longest body of a frame in bytes
  lane_opener(unique_fd lanes, std::uint64_t max_body);

  enum class failure {
    /// The runner does not take descriptors at the moment.
    busy,
    /// The runner is gone.
    closed,
    /// This process has no descriptors left, or the system no memory.
    exhausted,
  };

  struct result {
    std::unique_ptr<lane> opened;
    failure why = failure::closed;
  };

  result open(isolation served_by = isolation::thread) noexcept;

  /// The descriptor to wait on until a busy runner can be asked again.
  int fd() const noexcept {
    return lanes_.get();
  }

  /// Sends bytes that are not a lane: what the runner must know first.
  bool send_message(std::span<const std::byte> bytes) noexcept;

  /// Passes another connection.
  bool pass(int fd, char data) noexcept {
    return send_descriptor(lanes_.get(), fd, data);
  }

private:
  unique_fd lanes_;
  std::uint64_t max_body_;
};

struct socket_pair {
  unique_fd parent;
  unique_fd runner;
};

/// A pair of connected unix sockets, closed on exec.
/// @param type `SOCK_STREAM` or `SOCK_SEQPACKET`
/// @throws call_error `out_of_resources`
socket_pair make_socket_pair(int type);

void set_nonblocking(int fd) noexcept;

} // namespace flame::detail
