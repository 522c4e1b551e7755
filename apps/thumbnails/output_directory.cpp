#include "output_directory.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace thumbnails {

namespace {

namespace fs = std::filesystem;

/// A file under a name of its own until it is complete; gone if it never is.
class partial_file {
public:
  explicit partial_file(fs::path path)
    : path_(std::move(path)),
      fd_(
        ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
    if (fd_ < 0)
      fail();
  }

  ~partial_file() {
    if (fd_ >= 0)
      ::close(fd_);
    if (!is_renamed_)
      ::unlink(path_.c_str());
  }

  partial_file(const partial_file&) = delete;
  partial_file& operator=(const partial_file&) = delete;

  void write(std::span<const char> bytes) {
    while (!bytes.empty()) {
      auto size = ::write(fd_, bytes.data(), bytes.size());
      if (size < 0 && errno == EINTR)
        continue;
      if (size < 0)
        clean_up_and_fail();
      bytes = bytes.subspan(static_cast<std::size_t>(size));
    }
  }

  void finish(const fs::path& final_path) {
    // Network file systems report a full disk here.
    if (::close(std::exchange(fd_, -1)) != 0)
      clean_up_and_fail();
    if (::rename(path_.c_str(), final_path.c_str()) != 0)
      clean_up_and_fail();
    is_renamed_ = true;
  }

private:
  [[noreturn]] void clean_up_and_fail() {
    auto error = errno;
    ::unlink(path_.c_str());
    errno = error;
    fail();
  }

  [[noreturn]] void fail() {
    throw std::runtime_error{fmt::format("cannot write to {}: {}",
                                         path_.parent_path().string(),
                                         std::strerror(errno))};
  }

  fs::path path_;
  int fd_;
  bool is_renamed_ = false;
};

} // namespace

output_directory::output_directory(fs::path path) : path_(std::move(path)) {
  std::error_code ec;
  fs::create_directories(path_, ec);
  if (ec)
    throw std::runtime_error{fmt::format("cannot make the directory {}: {}",
                                         path_.string(), ec.message())};
  partial_file probe{path_ / ".thumbnails.part"};
}

void output_directory::write(const std::string& name,
                             std::span<const char> bytes) {
  partial_file file{path_ / ("." + name + ".part")};
  file.write(bytes);
  file.finish(path_ / name);
}

void output_directory::remove_frames_from(std::uint32_t count) {
  std::error_code ec;
  // They have been numbered without gap.
  while (fs::remove(path_ / frame_name(count), ec) && !ec)
    ++count;
}

std::string frame_name(std::uint32_t index) {
  return fmt::format("frame-{:06}.jpg", index + 1);
}

} // namespace thumbnails
