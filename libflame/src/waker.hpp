#pragma once

#include <cstdint>

#include <sys/eventfd.h>

#include "flame/detail/unique_fd.hpp"

namespace flame::detail {

/// Wakes up one thread that waits in `ppoll`. `wake` may be called from any
/// thread and from a signal handler.
class waker {
public:
  waker() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    // nop
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
