/// Unix sockets that a server listens on.
#pragma once

#include <filesystem>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <sys/types.h>

namespace web {

using socket_acceptor =
  boost::asio::basic_socket_acceptor<boost::asio::generic::stream_protocol>;

/// The file of a unix socket, for its owner alone: nobody else can connect at
/// any time. One that is there is replaced if nobody listens on it. The
/// destructor removes the file, unless another one has taken its place.
class socket_file {
public:
  /// Lets `acceptor` listen.
  /// @param path at most 107 bytes long, in a directory that is there
  /// @throws std::runtime_error if that cannot be; if another process listens
  ///         there; if there is anything but a socket of this user
  socket_file(socket_acceptor& acceptor, std::filesystem::path path);

  ~socket_file();

  socket_file(const socket_file&) = delete;
  socket_file& operator=(const socket_file&) = delete;

  const std::filesystem::path& path() const noexcept {
    return path_;
  }

private:
  const std::filesystem::path path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

} // namespace web
