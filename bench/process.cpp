#include "process.hpp"

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

namespace bench {

namespace {

[[noreturn]] void fail(const char* what, int code = errno) {
  throw std::system_error{code, std::generic_category(), what};
}

void set_affinity(const cpu_set_t& cpus) {
  for (auto& task : std::filesystem::directory_iterator{"/proc/self/task"}) {
    auto id = std::stoi(task.path().filename().string());
    // A thread may have ended since.
    if (::sched_setaffinity(id, sizeof(cpus), &cpus) != 0 && errno != ESRCH)
      fail("sched_setaffinity");
  }
}

cpu_set_t current_affinity() {
  cpu_set_t result;
  if (::sched_getaffinity(0, sizeof(result), &result) != 0)
    fail("sched_getaffinity");
  return result;
}

} // namespace

descriptor::descriptor(descriptor&& other) noexcept
  : fd_(std::exchange(other.fd_, -1)) {
  // nop
}

descriptor& descriptor::operator=(descriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

descriptor::~descriptor() {
  if (fd_ >= 0)
    ::close(fd_);
}

descriptor_pair make_sockets() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    fail("socketpair");
  return {descriptor{ends[0]}, descriptor{ends[1]}};
}

descriptor_pair make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    fail("pipe2");
  return {descriptor{ends[0]}, descriptor{ends[1]}};
}

std::string own_program() {
  return std::filesystem::read_symlink("/proc/self/exe").string();
}

peer::peer(std::vector<std::string> command,
           const std::vector<int>& inherited) {
  std::vector<char*> argv;
  argv.reserve(command.size() + 1);
  for (auto& each : command)
    argv.push_back(each.data());
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  // First out of the way of the numbers that they are to have.
  auto above = 3 + static_cast<int>(inherited.size());
  std::vector<descriptor> moved;
  moved.reserve(inherited.size());
  for (auto fd : inherited)
    moved.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, above));
  for (int i = 3; i < above; ++i)
    posix_spawn_file_actions_adddup2(
      &actions, moved[static_cast<std::size_t>(i - 3)].get(), i);
  posix_spawn_file_actions_addclosefrom_np(&actions, above);

  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP
                                          | POSIX_SPAWN_SETSIGMASK
                                          | POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);

  auto failure = ::posix_spawn(&pid_, argv.front(), &actions, &attributes,
                               argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (failure != 0)
    fail("posix_spawn", failure);
}

peer::~peer() {
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR)
    continue;
}

pinned::pinned(const std::vector<int>& cpus) : before_(current_affinity()) {
  cpu_set_t wanted;
  CPU_ZERO(&wanted);
  for (auto cpu : cpus)
    CPU_SET(static_cast<std::size_t>(cpu), &wanted);
  set_affinity(wanted);
}

pinned::~pinned() {
  set_affinity(before_);
}

std::vector<int> usable_cpus() {
  auto set = current_affinity();
  std::vector<int> result;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(static_cast<std::size_t>(cpu), &set))
      result.push_back(cpu);
  return result;
}

void await_end(pid_t pid) {
  descriptor process{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
  if (process.get() < 0) {
    if (errno == ESRCH)
      return;
    fail("pidfd_open");
  }
  pollfd ended{process.get(), POLLIN, 0};
  while (::poll(&ended, 1, -1) < 0 && errno == EINTR)
    continue;
}

double pss_mib(int pid) {
  std::ifstream file{fmt::format("/proc/{}/smaps_rollup", pid)};
  for (std::string word; file >> word;)
    if (double kib = 0; word == "Pss:" && file >> kib)
      return kib / 1024;
  throw std::runtime_error{"cannot read smaps_rollup"};
}

} // namespace bench
