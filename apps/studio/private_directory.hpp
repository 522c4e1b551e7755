/// A directory for what must not outlive the program.
#pragma once

#include <filesystem>

namespace studio {

/// A new directory of mode 0700 among the temporary ones, removed with all that
/// is in it by the destructor.
class private_directory {
public:
  /// @throws std::runtime_error
  private_directory();

  ~private_directory();

  private_directory(const private_directory&) = delete;
  private_directory& operator=(const private_directory&) = delete;

  const std::filesystem::path& path() const noexcept {
    return path_;
  }

private:
  std::filesystem::path path_;
};

} // namespace studio
