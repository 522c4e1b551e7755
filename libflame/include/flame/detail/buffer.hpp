#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <span>
#include <utility>

#include "flame/detail/export.hpp"

namespace flame::detail {

struct memory_block {
  std::byte* data = nullptr;
  std::size_t size = 0;
};

/// Blocks of so many bytes are mapped, smaller ones come from `malloc`.
inline constexpr std::size_t least_mapped = std::size_t{256} * 1024;

/// A block of `size` bytes, at least `least_mapped`, in the place of `old`,
/// with the first `used` of its bytes. It may be longer.
/// @param wanted what may be needed later: taken if it is there already
/// @throws std::bad_alloc and leaves `old` as it is
FLAME_EXPORT memory_block grow_block(memory_block old, std::size_t used,
                                     std::size_t size, std::size_t wanted);

/// Gives back what `grow_block` has given.
FLAME_EXPORT void drop_block(memory_block what) noexcept;

/// Bytes that grow without being zeroed first.
///
/// `std::vector` clears what it grows by, and moves by copying. A call's body
/// may be 100 MB, all of which is about to be overwritten. Large blocks grow by
/// remapping their pages, and are kept for the next call, within limits: the
/// first touch of a page takes longer than to copy it four times.
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
    free();
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
    free();
    data_ = nullptr;
    size_ = capacity_ = 0;
  }

  /// Gives back what is not used of a block that is not large: for buffers of
  /// which many wait.
  void fit() noexcept {
    if (size_ == 0 || size_ == capacity_ || capacity_ >= least_mapped)
      return;
    if (auto* less = static_cast<std::byte*>(std::realloc(data_, size_))) {
      data_ = less;
      capacity_ = size_;
    }
  }

  /// Makes room for `capacity` bytes; for `wanted` bytes instead, where there is
  /// memory that is not used at the moment.
  void reserve(std::size_t capacity, std::size_t wanted = 0) {
    if (capacity <= capacity_)
      return;
    if (capacity >= least_mapped) {
      auto grown = grow_block({data_, capacity_}, size_, capacity, wanted);
      data_ = grown.data;
      capacity_ = grown.size;
      return;
    }
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
  void free() noexcept {
    if (capacity_ >= least_mapped)
      drop_block({data_, capacity_});
    else
      std::free(data_);
  }

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

} // namespace flame::detail
