#include "zygote.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "flame/error.hpp"
#include "lane.hpp"
#include "lane_server.hpp"
#include "threads.hpp"

namespace flame::detail {

std::size_t count_threads() {
  struct stat tasks = {};
  // A folder for each, beside `.` and `..`.
  if (::stat("/proc/self/task", &tasks) != 0 || tasks.st_nlink < 3)
    return 1;
  return static_cast<std::size_t>(tasks.st_nlink) - 2;
}

namespace {

/// A child that the program does not know of: it sends no SIGCHLD, and who waits
/// for any child does not wait for this one (`__WCLONE` in wait(2)). The C
/// library's handlers at a fork do not run, which are for processes with
/// threads.
pid_t fork_unnoticed() noexcept {
  return static_cast<pid_t>(
    ::syscall(SYS_clone, 0, nullptr, nullptr, nullptr, nullptr));
}

} // namespace

zygote::zygote(worker_options options, const std::vector<int>& not_inherited) {
  if (auto threads = count_threads(); threads > 1)
    throw call_error{
      errc::invalid_configuration,
      fmt::format("calls cannot be isolated in processes: this program has {} "
                  "threads before it becomes a runner, and a process with "
                  "threads cannot be forked. Start threads in App::start, not "
                  "before flame::run or flame::serve",
                  threads)};
  auto ends = make_socket_pair(SOCK_SEQPACKET);
  // What is in the buffers now would be written twice.
  std::fflush(nullptr);
  auto pid = fork_unnoticed();
  if (pid < 0)
    throw call_error{
      errc::out_of_resources,
      fmt::format("cannot fork a process to isolate calls with: {}",
                  std::strerror(errno))};
  if (pid == 0) {
    for (auto fd : not_inherited)
      ::close(fd);
    ends.parent.reset();
    run_zygote(std::move(options), std::move(ends.runner));
  }
  control_ = std::move(ends.parent);
}

zygote::~zygote() {
  if (!thread_.joinable())
    return;
  ::shutdown(control_.get(), SHUT_RDWR);
  thread_.join();
}

void zygote::watch(callbacks calls) {
  thread_ = start_thread("flame.zygote", [this, calls = std::move(calls)] {
    listen(calls);
  });
}

void zygote::listen(const callbacks& calls) {
  for (;;) {
    char news;
    auto got = ::recv(control_.get(), &news, 1, 0);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0) {
      calls.on_ended();
      return;
    }
    if (news == unlinked_began)
      ++running_unlinked_;
    else if (news == unlinked_ended && --running_unlinked_ == 0)
      calls.on_unlinked_done();
  }
}

std::string zygote::serve(int lane) {
  if (send_descriptor(control_.get(), lane, lane_to_worker))
    return {};
  switch (errno) {
    case EAGAIN:
      return "too many calls are being isolated at this moment";
    case ETOOMANYREFS:
    case ENOBUFS:
    case ENOMEM:
      return fmt::format("no process can be started for an isolated call: {}",
                         std::strerror(errno));
    default:
      // The zygote has ended, and this runner is about to: its lanes end with
      // it, and not before, so that their callers are told of that.
      static_cast<void>(::fcntl(lane, F_DUPFD_CLOEXEC, 0));
      return {};
  }
}

void zygote::request_stop(bool unlinked_too) {
  auto order = unlinked_too ? order_to_stop : order_to_stop_linked;
  // Where the socket is full, the zygote is about to be ended with its runner.
  [[maybe_unused]] auto ignored =
    ::send(control_.get(), &order, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

} // namespace flame::detail
