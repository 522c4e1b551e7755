#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <span>
#include <utility>

namespace flame::detail {

/// Bytes that grow without being zeroed first.
///
/// `std::vector` clears what it grows by, and moves by copying. A call's body
/// may be 100 MB, all of which is about to be overwritten, and `realloc` moves
/// blocks of that size by remapping pages.
///
/// Not thread-safe. Out of memory is `std::bad_alloc`.
class buffer {
public:
  buffer() noexcept = default;

  buffer(buffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      capacity_(std::exchange(other.capacity_, 0)) {
    // nop
  }

  buffer& operator=(buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }

  ~buffer() {
    std::free(data_);
  }

  std::byte* data() noexcept {
    return data_;
  }

  const std::byte* data() const noexcept {
    return data_;
  }

  std::size_t size() const noexcept {
    return size_;
  }

  std::size_t capacity() const noexcept {
    return capacity_;
  }

  bool empty() const noexcept {
    return size_ == 0;
  }

  std::span<const std::byte> bytes() const noexcept {
    return {data_, size_};
  }

  void clear() noexcept {
    size_ = 0;
  }

  /// Gives memory back when more than `keep` bytes are held: buffers that are
  /// reused for every call must not keep the size of the largest one.
  void shrink(std::size_t keep) noexcept {
    if (capacity_ <= keep)
      return;
    std::free(data_);
    data_ = nullptr;
    size_ = capacity_ = 0;
  }

  void reserve(std::size_t capacity) {
    if (capacity <= capacity_)
      return;
    auto* grown = static_cast<std::byte*>(std::realloc(data_, capacity));
    if (!grown)
      throw std::bad_alloc{};
    data_ = grown;
    capacity_ = capacity;
  }

  /// Sets the size; bytes beyond the old size are not initialised.
  void resize(std::size_t size) {
    if (size > capacity_)
      reserve(size > 2 * capacity_ ? size : 2 * capacity_);
    size_ = size;
  }

  void append(const void* bytes, std::size_t count) {
    if (count == 0)
      return;
    // Nothing is that long; it tells the compiler that the sum is no less.
    if (count > PTRDIFF_MAX - size_)
      throw std::bad_alloc{};
    auto at = size_;
    resize(size_ + count);
    std::memcpy(data_ + at, bytes, count);
  }

private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

} // namespace flame::detail
