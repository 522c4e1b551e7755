#pragma once

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include <sys/eventfd.h>

#include "flame/detail/unique_fd.hpp"
#include "flame/error.hpp"

namespace flame::detail {

/// Wakes up one thread that waits in `ppoll`. `wake` may be called from any
/// thread and from a signal handler.
class waker {
public:
  /// @throws call_error `out_of_resources`
  waker() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!fd_)
      throw call_error{errc::out_of_resources,
                       std::string{"cannot make an eventfd to wait with: "}
                         + std::strerror(errno) + " (see ulimit -n)"};
  }

  int fd() const noexcept {
    return fd_.get();
  }

  void wake() noexcept {
    std::uint64_t one = 1;
    [[maybe_unused]] auto ignored = ::write(fd_.get(), &one, sizeof(one));
  }

  void drain() noexcept {
    std::uint64_t count;
    [[maybe_unused]] auto ignored = ::read(fd_.get(), &count, sizeof(count));
  }

private:
  unique_fd fd_;
};

} // namespace flame::detail
