#pragma once

#include <utility>

#include <unistd.h>

namespace flame::detail {

/// Owns a file descriptor and closes it. Not thread-safe.
class unique_fd {
public:
  unique_fd() noexcept = default;

  explicit unique_fd(int fd) noexcept : fd_(fd) {
    // nop
  }

  unique_fd(unique_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {
    // nop
  }

  unique_fd& operator=(unique_fd&& other) noexcept {
    reset(other.release());
    return *this;
  }

  ~unique_fd() {
    reset();
  }

  int get() const noexcept {
    return fd_;
  }

  explicit operator bool() const noexcept {
    return fd_ >= 0;
  }

  [[nodiscard]] int release() noexcept {
    return std::exchange(fd_, -1);
  }

  void reset(int fd = -1) noexcept {
    if (auto old = std::exchange(fd_, fd); old >= 0 && old != fd)
      ::close(old);
  }

private:
  int fd_ = -1;
};

} // namespace flame::detail
