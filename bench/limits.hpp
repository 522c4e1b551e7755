/// What the machine does without flame: the limits that figures stand beside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "process.hpp"
#include "sampling.hpp"

namespace bench {

/// Messages there and back between two processes, over unix sockets: blocking
/// `write` and `read` on both ends, a thread of the peer for each socket. The
/// peer reads a message whole before it writes it back. Both ends use the same
/// memory for every message, which nothing that hands messages out can do.
///
/// Each socket may be used by one thread at a time.
class raw_echo {
public:
  /// @param lengths of the messages, for each socket
  explicit raw_echo(const std::vector<std::size_t>& lengths);

  /// @param bytes as many as the socket's messages have
  void round_trip(std::size_t socket, std::span<std::byte> bytes) const;

  int fd(std::size_t socket) const {
    return sockets_[socket].get();
  }

private:
  std::vector<descriptor> sockets_;
  std::optional<peer> peer_;
};

/// The same with 64 bytes.
class ping_pong {
public:
  static constexpr std::size_t message_size = 64;

  explicit ping_pong(std::size_t sockets);

  void round_trip(std::size_t socket) const;

  int fd(std::size_t socket) const {
    return echo_.fd(socket);
  }

private:
  raw_echo echo_;
};

/// Items from another process, over a unix socket: one `write` for each there,
/// `read` into 64 KiB here, whatever is in them.
class raw_items {
public:
  /// @param length of an item
  explicit raw_items(std::size_t length);

  /// Has the peer send so many, and reads them all.
  void take(std::uint64_t count);

private:
  std::size_t length_;
  std::vector<std::byte> room_;
  descriptor socket_;
  std::optional<peer> peer_;
};

/// Starts a program that makes an actor system with I/O and is linked with
/// nothing else.
/// @param threads of its scheduler
/// @returns the time from the start to its word that it is there
clock::duration start_bare_system(std::size_t threads);

/// Is what `peer` processes do in place of `main`; nothing if this process is
/// none.
std::optional<int> run_as_peer(int argc, char** argv);

} // namespace bench
