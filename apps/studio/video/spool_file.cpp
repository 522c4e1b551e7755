#include "video/spool_file.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace studio {

namespace {

[[noreturn]] void fail(const std::string& what, int error) {
  throw std::runtime_error{fmt::format("{}: {}", what, std::strerror(error))};
}

int open_nameless(const std::filesystem::path& directory) {
  auto fd = ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  // Some file systems know no files without a name.
  if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
    auto name = (directory / "spool-XXXXXX").string();
    fd = ::mkostemp(name.data(), O_CLOEXEC);
    if (fd >= 0)
      ::unlink(name.c_str());
  }
  if (fd < 0)
    fail(fmt::format("cannot make a file in {}", directory.string()), errno);
  return fd;
}

} // namespace

spool_file::spool_file(const std::filesystem::path& directory)
  : fd_(open_nameless(directory)) {
  // nop
}

spool_file::~spool_file() {
  ::close(fd_);
}

void spool_file::append(std::span<const char> bytes) {
  while (!bytes.empty()) {
    auto written =
      ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      fail("cannot keep the video", errno);
    size_ += static_cast<std::uint64_t>(written);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

std::vector<char> spool_file::read(std::uint64_t offset,
                                   std::size_t size) const {
  std::vector<char> result(size);
  for (std::size_t done = 0; done < size;) {
    auto got = ::pread(fd_, result.data() + done, size - done,
                       static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      fail("cannot read what was kept of the video", got < 0 ? errno : EIO);
    done += static_cast<std::size_t>(got);
  }
  return result;
}

} // namespace studio
