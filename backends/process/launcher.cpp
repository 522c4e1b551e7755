#include "process/launcher.hpp"

#include <cerrno>
#include <csignal>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "flame/detail/unique_fd.hpp"

namespace flame {

namespace {

struct file_actions {
  file_actions() {
    posix_spawn_file_actions_init(&value);
  }

  ~file_actions() {
    posix_spawn_file_actions_destroy(&value);
  }

  posix_spawn_file_actions_t value;
};

struct attributes {
  attributes() {
    posix_spawnattr_init(&value);
  }

  ~attributes() {
    posix_spawnattr_destroy(&value);
  }

  posix_spawnattr_t value;
};

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (auto& each : strings)
    result.push_back(each.data());
  result.push_back(nullptr);
  return result;
}

std::vector<std::string> environment_with(
  const std::map<std::string, std::string>& added) {
  std::vector<std::string> result;
  for (auto** each = environ; *each; ++each) {
    std::string_view line{*each};
    if (!added.contains(std::string{line.substr(0, line.find('='))}))
      result.emplace_back(line);
  }
  for (auto& [name, value] : added)
    result.push_back(fmt::format("{}={}", name, value));
  return result;
}

void set_up(attributes& attr) {
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setflags(&attr.value, POSIX_SPAWN_SETPGROUP
                                          | POSIX_SPAWN_SETSIGMASK
                                          | POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setpgroup(&attr.value, 0);
  posix_spawnattr_setsigmask(&attr.value, &none);
  posix_spawnattr_setsigdefault(&attr.value, &all);
}

/// Lets the child have the descriptors of `keep` as 0, 1, 2, ... and none else.
/// @param moved copies that must be open until the child has been started
/// @returns 0, or an errno
int keep_only(posix_spawn_file_actions_t& actions, const std::vector<int>& keep,
              std::vector<detail::unique_fd>& moved) {
  // First out of the way of the numbers that they are to have: a descriptor
  // may be wanted where another one still is.
  auto above = static_cast<int>(keep.size());
  for (auto fd : keep) {
    detail::unique_fd copy{::fcntl(fd, F_DUPFD_CLOEXEC, above)};
    if (!copy)
      return errno;
    moved.push_back(std::move(copy));
  }
  for (int i = 0; i < above; ++i) {
    auto from = moved[static_cast<std::size_t>(i)].get();
    if (auto failure = posix_spawn_file_actions_adddup2(&actions, from, i))
      return failure;
  }
  return posix_spawn_file_actions_addclosefrom_np(&actions, above);
}

/// For a child that has been started and cannot be watched.
void discard(pid_t pid) {
  ::kill(-pid, SIGKILL);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR)
    continue;
}

child_process hold(boost::asio::any_io_executor executor,
                   boost::system::error_code& ec, pid_t pid) {
  detail::unique_fd fd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
  if (!fd) {
    ec.assign(errno, boost::system::system_category());
    discard(pid);
    return child_process{executor};
  }
  try {
    child_process result{executor, pid, fd.get()};
    static_cast<void>(fd.release());
    return result;
  } catch (const boost::system::system_error& error) {
    ec = error.code();
    discard(pid);
    return child_process{executor};
  }
}

} // namespace

child_process spawn_launcher::operator()(
  boost::asio::any_io_executor executor, boost::system::error_code& ec,
  const std::vector<std::string>& command) const {
  attributes attr;
  set_up(attr);
  file_actions actions;
  std::vector<detail::unique_fd> moved;
  if (auto failure = keep_only(actions.value, keep, moved)) {
    ec.assign(failure, boost::system::system_category());
    return child_process{executor};
  }
  auto arguments = command;
  auto argv = pointers(arguments);
  auto variables = environment_with(environment);
  auto envp = pointers(variables);
  pid_t pid = -1;
  auto failure = posix_spawn(&pid, command.front().c_str(), &actions.value,
                             &attr.value, argv.data(), envp.data());
  if (failure != 0) {
    ec.assign(failure, boost::system::system_category());
    return child_process{executor};
  }
  return hold(executor, ec, pid);
}

} // namespace flame
