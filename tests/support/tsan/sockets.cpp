// What ThreadSanitizer has to know of pairs of sockets: it takes what is sent on
// one end to come before what is received on the other, but no longer when an
// end has travelled on a socket itself, as those of lanes do; then it is a
// descriptor of which nothing is known.
//
// The kernel's cookie of a socket stays the same.
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cstdint>

#include "support/tsan/original.hpp"

extern "C" {
// ThreadSanitizer's own, whose other names are weak.
int __interceptor_socketpair(int domain, int type, int protocol, int ends[2]);
ssize_t __interceptor_send(int fd, const void* data, size_t size, int flags);
ssize_t __interceptor_recv(int fd, void* data, size_t size, int flags);
}

namespace {

// Cookies are given in turn. Two sockets that share a place, which takes more
// than this many of them, would hide a race and not make one up.
constexpr std::size_t places = std::size_t{1} << 18;

std::size_t place_of(int fd) {
  std::uint64_t cookie = 0;
  socklen_t size = sizeof(cookie);
  if (::getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) != 0)
    return 0;
  return static_cast<std::size_t>(cookie % places);
}

// Where the other end is, or 0. Relaxed, so that it makes no order by itself.
std::array<std::atomic<std::uint32_t>, places> peers;

// The address of one stands for what has been sent to that socket.
std::array<std::uint64_t, places> inboxes;

} // namespace

extern "C" int socketpair(int domain, int type, int protocol, int ends[2]) {
  auto result = __interceptor_socketpair(domain, type, protocol, ends);
  if (result == 0) {
    auto first = place_of(ends[0]);
    auto second = place_of(ends[1]);
    peers[first].store(static_cast<std::uint32_t>(second),
                       std::memory_order_relaxed);
    peers[second].store(static_cast<std::uint32_t>(first),
                        std::memory_order_relaxed);
  }
  return result;
}

extern "C" ssize_t send(int fd, const void* data, size_t size, int flags) {
  if (auto to = peers[place_of(fd)].load(std::memory_order_relaxed); to != 0)
    __tsan_release(&inboxes[to]);
  return __interceptor_send(fd, data, size, flags);
}

extern "C" ssize_t recv(int fd, void* data, size_t size, int flags) {
  auto own = place_of(fd);
  auto result = __interceptor_recv(fd, data, size, flags);
  if (result > 0 && own != 0)
    __tsan_acquire(&inboxes[own]);
  return result;
}
