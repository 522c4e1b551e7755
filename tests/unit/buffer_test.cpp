#include "flame/detail/buffer.hpp"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <unistd.h>

namespace {

using flame::detail::buffer;
using flame::detail::least_mapped;

constexpr std::size_t mib = std::size_t{1024} * 1024;

buffer filled(std::size_t size, int value) {
  buffer result;
  result.resize(size);
  std::memset(result.data(), value, size);
  return result;
}

bool holds(const buffer& what, std::size_t size, int value) {
  auto bytes = what.bytes().first(size);
  return std::ranges::all_of(bytes, [&](std::byte each) {
    return each == static_cast<std::byte>(value);
  });
}

/// Bytes of address space.
std::size_t mapped() {
  std::size_t pages = 0;
  std::ifstream{"/proc/self/statm"} >> pages;
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

/// Whatever is kept at the moment, so that a test knows what there is.
std::vector<buffer> all_that_is_kept() {
  std::vector<buffer> result;
  for (auto size = least_mapped; size <= 64 * mib; size *= 2)
    for (int i = 0; i < 32; ++i)
      result.emplace_back().reserve(size);
  return result;
}

TEST_CASE("a buffer keeps its bytes while it grows, however large it becomes") {
  auto bytes = filled(1000, 7);
  for (auto size : {least_mapped - 1, least_mapped, 3 * mib, 20 * mib}) {
    bytes.reserve(size);
    CHECK(bytes.capacity() >= size);
    CHECK(bytes.size() == 1000);
    CHECK(holds(bytes, 1000, 7));
    std::memset(bytes.data() + 1000, 8, size - 1000);
  }
}

TEST_CASE("a large buffer gets memory that another one has given back") {
  auto others = all_that_is_kept();
  const std::byte* before = nullptr;
  {
    auto bytes = filled(6 * mib, 1);
    before = bytes.data();
  }
  auto bytes = filled(6 * mib, 2);
  CHECK(bytes.data() == before);
  CHECK(holds(bytes, bytes.size(), 2));
}

TEST_CASE("two large buffers never have the same memory") {
  auto first = filled(4 * mib, 1);
  auto second = filled(4 * mib, 2);
  first = filled(4 * mib, 3);
  auto third = filled(4 * mib, 4);
  CHECK(holds(first, first.size(), 3));
  CHECK(holds(second, second.size(), 2));
  CHECK(holds(third, third.size(), 4));
}

TEST_CASE("a buffer gets what it may need later where that is there already") {
  auto others = all_that_is_kept();
  { auto bytes = filled(10 * mib, 1); }
  auto bytes = filled(1000, 7);
  bytes.reserve(mib, 10 * mib);
  CHECK(bytes.capacity() >= 10 * mib);
  CHECK(holds(bytes, 1000, 7));
}

TEST_CASE("a short buffer does not take the memory of a far longer one") {
  auto others = all_that_is_kept();
  { auto bytes = filled(48 * mib, 1); }
  buffer bytes;
  bytes.reserve(mib);
  CHECK(bytes.capacity() < 48 * mib);
}

TEST_CASE("a short buffer that is to fit has room for its bytes only") {
  buffer bytes;
  bytes.reserve(5000);
  bytes.resize(1000);
  std::memset(bytes.data(), 7, 1000);
  bytes.fit();
  CHECK(bytes.capacity() == 1000);
  CHECK(holds(bytes, 1000, 7));
  bytes.clear();
  bytes.fit();
  CHECK(bytes.capacity() == 1000);
}

TEST_CASE("what is kept of large buffers has a limit") {
  auto before = mapped();
  {
    std::vector<buffer> many;
    for (int i = 0; i < 20; ++i)
      many.push_back(filled(10 * mib, i));
    CHECK(mapped() - before >= 100 * mib);
  }
  { auto huge = filled(200 * mib, 1); }
  CHECK(mapped() <= before + 64 * mib);
}

} // namespace
