#include "flame/detail/buffer.hpp"

#include <algorithm>
#include <array>
#include <mutex>

#include <sys/mman.h>

namespace flame::detail {

namespace {

constexpr std::size_t mib = std::size_t{1024} * 1024;
constexpr std::size_t page = 4096;

/// A large page of x86-64 and of most AArch64 systems.
constexpr std::size_t large_page = 2 * mib;

bool is_large(std::size_t size) noexcept {
  return size >= large_page;
}

std::size_t rounded(std::size_t size) {
  auto unit = is_large(size) ? large_page : page;
  if (size > PTRDIFF_MAX - unit)
    throw std::bad_alloc{};
  return (size + unit - 1) / unit * unit;
}

memory_block checked(void* at, std::size_t size) {
  if (at == MAP_FAILED)
    throw std::bad_alloc{};
  // A large page is one fault instead of 512. Where there are none, it is slower
  // and works.
  if (is_large(size))
    ::madvise(at, size, MADV_HUGEPAGE);
  return {static_cast<std::byte*>(at), size};
}

memory_block map(std::size_t size) {
  return checked(::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
                 size);
}

/// Moves pages, not bytes.
memory_block remap(memory_block old, std::size_t size) {
  return checked(::mremap(old.data, old.size, size, MREMAP_MAYMOVE), size);
}

void unmap(memory_block what) noexcept {
  ::munmap(what.data, what.size);
}

/// Blocks that no buffer has at the moment. Thread-safe.
class spare_blocks {
public:
  /// The smallest of at least `size` bytes, if that is not far too large.
  memory_block take(std::size_t size) noexcept {
    std::lock_guard guard{mutex_};
    auto* end = blocks_.data() + count_;
    auto* best = end;
    for (auto* each = blocks_.data(); each != end; ++each)
      if (each->size >= size && (best == end || each->size < best->size))
        best = each;
    if (best == end || best->size / 4 > size)
      return {};
    auto result = *best;
    *best = blocks_[--count_];
    held(result) -= result.size;
    return result;
  }

  /// False if there are enough.
  bool put(memory_block what) noexcept {
    auto most = is_large(what.size) ? most_large : most_small;
    // The system may have these pages when it needs some.
    if (is_large(what.size))
      ::madvise(what.data, what.size, MADV_FREE);
    std::lock_guard guard{mutex_};
    auto& total = held(what);
    if (count_ == blocks_.size() || what.size > most
        || total > most - what.size)
      return false;
    blocks_[count_++] = what;
    total += what.size;
    return true;
  }

private:
  /// In bytes. The small ones are held for good: to offer them to the system
  /// takes longer than what it saves.
  static constexpr std::size_t most_small = 8 * mib;
  static constexpr std::size_t most_large = 64 * mib;

  std::size_t& held(memory_block what) noexcept {
    return is_large(what.size) ? large_ : small_;
  }

  std::mutex mutex_;
  std::array<memory_block, 32> blocks_;
  std::size_t count_ = 0;
  std::size_t small_ = 0;
  std::size_t large_ = 0;
};

/// Never destroyed: a thread's buffer may outlive what is static.
spare_blocks& spares() noexcept {
  alignas(spare_blocks) static std::byte room[sizeof(spare_blocks)];
  static auto* instance = new (room) spare_blocks;
  return *instance;
}

} // namespace

memory_block grow_block(memory_block old, std::size_t used, std::size_t size,
                        std::size_t wanted) {
  auto is_mapped = old.size >= least_mapped;
  auto result = spares().take(std::max(size, wanted));
  if (!result.data) {
    if (is_mapped)
      return remap(old, rounded(size));
    result = map(rounded(size));
  }
  if (used > 0)
    std::memcpy(result.data, old.data, used);
  if (is_mapped)
    drop_block(old);
  else
    std::free(old.data);
  return result;
}

void drop_block(memory_block what) noexcept {
  if (!spares().put(what))
    unmap(what);
}

} // namespace flame::detail
