/// A file without a name.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace studio {

/// A file that only this process, and what it starts, can reach: it has no
/// name, and is gone when it is closed, however that comes about.
///
/// `append` is for one thread at a time, `read` for any beside it.
class spool_file {
public:
  /// @param directory where the disk is that it takes its room from
  /// @throws std::runtime_error
  explicit spool_file(const std::filesystem::path& directory);

  ~spool_file();

  spool_file(const spool_file&) = delete;
  spool_file& operator=(const spool_file&) = delete;

  /// @throws std::runtime_error e.g. if the disk is full
  void append(std::span<const char> bytes);

  /// Reads `size` bytes that have been appended, from `offset` on.
  /// @throws std::runtime_error
  std::vector<char> read(std::uint64_t offset, std::size_t size) const;

  int fd() const noexcept {
    return fd_;
  }

private:
  int fd_;
  std::uint64_t size_ = 0;
};

} // namespace studio
