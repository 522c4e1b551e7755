/// What the machine does without flame: the limits that figures stand beside.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "process.hpp"
#include "sampling.hpp"

namespace bench {

/// 64 bytes there and back between two processes, over unix sockets: blocking
/// `write` and `read` on both ends, a thread of the peer for each socket.
///
/// Each socket may be used by one thread at a time.
class ping_pong {
public:
  static constexpr std::size_t message_size = 64;

  explicit ping_pong(std::size_t sockets);

  void round_trip(std::size_t socket) const;

  int fd(std::size_t socket) const {
    return sockets_[socket].get();
  }

private:
  std::vector<descriptor> sockets_;
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
