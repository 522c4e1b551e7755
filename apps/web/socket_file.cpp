#include "web/socket_file.hpp"

#include <cerrno>
#include <cstring>
#include <optional>
#include <stdexcept>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace web {

namespace asio = boost::asio;
namespace fs = std::filesystem;

using unix_domain = asio::local::stream_protocol;

namespace {

[[noreturn]] void cannot_listen(const fs::path& path, const std::string& why) {
  throw std::runtime_error{
    fmt::format("cannot listen on {}: {}", path.string(), why)};
}

/// Keeps others out of the moment between a look at a socket that is there and
/// the new one in its place. Nothing of it is left in the directory.
class directory_lock {
public:
  explicit directory_lock(const fs::path& of)
    : fd_(::open(of.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (fd_ >= 0)
      while (::flock(fd_, LOCK_EX) != 0 && errno == EINTR)
        continue;
  }

  ~directory_lock() {
    if (fd_ >= 0)
      ::close(fd_);
  }

  directory_lock(const directory_lock&) = delete;
  directory_lock& operator=(const directory_lock&) = delete;

  bool is_there() const noexcept {
    return fd_ >= 0;
  }

private:
  int fd_;
};

fs::path directory_of(const fs::path& file) {
  return file.has_parent_path() ? file.parent_path() : fs::path{"."};
}

std::optional<struct stat> look_at(const fs::path& path) {
  struct stat result {};
  if (::lstat(path.c_str(), &result) != 0)
    return std::nullopt;
  return result;
}

bool is_listening(const fs::path& path) {
  asio::io_context io;
  unix_domain::socket socket{io};
  boost::system::error_code ec;
  socket.connect(unix_domain::endpoint{path.string()}, ec);
  return ec != asio::error::connection_refused;
}

/// Makes room, where somebody was here before.
void remove_stale(const fs::path& path) {
  auto there = look_at(path);
  if (!there)
    return;
  if (!S_ISSOCK(there->st_mode) || there->st_uid != ::geteuid())
    cannot_listen(path, "there is something that is no socket of this user");
  if (is_listening(path))
    cannot_listen(path, "another process listens there already");
  ::unlink(path.c_str());
}

} // namespace

socket_file::socket_file(socket_acceptor& acceptor, fs::path path)
  : path_(std::move(path)) {
  if (path_.empty() || path_.native().size() >= sizeof(sockaddr_un::sun_path)
      || path_.native().find('\0') != std::string::npos)
    cannot_listen(path_, "a path of a socket has 1 to 107 bytes");
  directory_lock lock{directory_of(path_)};
  if (!lock.is_there())
    cannot_listen(path_,
                  fmt::format("its directory: {}", std::strerror(errno)));
  remove_stale(path_);
  unix_domain::endpoint end{path_.string()};
  boost::system::error_code ec;
  acceptor.open(end.protocol(), ec);
  // The file has the mode of the socket from the moment that it is there.
  if (!ec && ::fchmod(acceptor.native_handle(), S_IRUSR | S_IWUSR) != 0)
    ec.assign(errno, boost::system::system_category());
  if (!ec)
    acceptor.bind(end, ec);
  if (ec)
    cannot_listen(path_, ec.message());
  if (auto made = look_at(path_)) {
    device_ = made->st_dev;
    inode_ = made->st_ino;
  }
  acceptor.listen(asio::socket_base::max_listen_connections, ec);
  if (!ec)
    return;
  ::unlink(path_.c_str());
  cannot_listen(path_, ec.message());
}

socket_file::~socket_file() {
  directory_lock lock{directory_of(path_)};
  if (auto there = look_at(path_);
      there && there->st_dev == device_ && there->st_ino == inode_)
    ::unlink(path_.c_str());
}

} // namespace web
