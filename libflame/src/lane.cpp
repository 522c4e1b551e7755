#include "lane.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/socket.h>

namespace flame::detail {

bool send_descriptor(int socket, int fd, char data) noexcept {
  iovec part{&data, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  auto* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &fd, sizeof(int));
  for (;;) {
    if (::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
      return true;
    if (errno != EINTR)
      return false;
  }
}

received receive_descriptor(int socket, int flags) noexcept {
  received result;
  iovec part{&result.data, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  do
    result.size = ::recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
  while (result.size < 0 && errno == EINTR);
  auto* header = result.size > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (header && header->cmsg_type == SCM_RIGHTS) {
    int fd;
    std::memcpy(&fd, CMSG_DATA(header), sizeof(fd));
    result.fd.reset(fd);
  }
  return result;
}

boost::asio::posix::stream_descriptor& lane::watched(
  boost::asio::io_context& io) {
  if (!descriptor_)
    descriptor_.emplace(io, fd_.release());
  return *descriptor_;
}

void lane::unwatch() {
  if (!descriptor_)
    return;
  fd_.reset(descriptor_->release());
  descriptor_.reset();
}

void lane::cancel() noexcept {
  ::shutdown(fd(), SHUT_WR);
}

lane_opener::lane_opener(unique_fd lanes, std::uint64_t max_body)
  : lanes_(std::move(lanes)),
    max_body_(max_body) {
  // nop
}

lane_opener::result lane_opener::open(isolation served_by) noexcept {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return {nullptr, failure::exhausted};
  unique_fd ours{ends[0]};
  unique_fd theirs{ends[1]};
  // Each end is an open file of its own: the runner's stays blocking.
  set_nonblocking(ours.get());
  auto kind = served_by == isolation::process ? lane_to_worker : lane_to_thread;
  if (!send_descriptor(lanes_.get(), theirs.get(), kind)) {
    switch (errno) {
      case EAGAIN:
        return {nullptr, failure::busy};
      case ETOOMANYREFS:
      case ENOBUFS:
      case ENOMEM:
        return {nullptr, failure::exhausted};
      default:
        return {nullptr, failure::closed};
    }
  }
  return {std::make_unique<lane>(std::move(ours), max_body_, served_by), {}};
}

bool lane_opener::send_message(std::span<const std::byte> bytes) noexcept {
  return ::send(lanes_.get(), bytes.data(), bytes.size(),
                MSG_NOSIGNAL | MSG_DONTWAIT)
         == static_cast<ssize_t>(bytes.size());
}

socket_pair make_socket_pair(int type) {
  int ends[2];
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) != 0)
    throw call_error{errc::out_of_resources,
                     std::string{"cannot make a pair of sockets: "}
                       + std::strerror(errno)};
  return {unique_fd{ends[0]}, unique_fd{ends[1]}};
}

void set_nonblocking(int fd) noexcept {
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
}

} // namespace flame::detail
