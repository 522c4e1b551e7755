/// A second parent, which is killed to see what becomes of its runner.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "flame/detail/unique_fd.hpp"

namespace flame::testing {

/// Set in the second parent: `FD:NAME`, where to write the process id of a
/// runner, and the backend that it is about.
inline constexpr const char* victim_variable = "FLAME_CONTRACT_VICTIM";

/// The descriptor that the second parent writes to.
inline constexpr int victim_output = 9;

/// This program, started once more with the same arguments, as a parent that
/// boots one runner and says which process that is.
class victim {
public:
  explicit victim(const std::string& backend) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
      return;
    output_ = flame::detail::unique_fd{ends[0]};
    flame::detail::unique_fd write_end{ends[1]};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, write_end.get(), victim_output);
    auto arguments = own_arguments();
    auto variables = own_variables();
    variables.push_back(std::string{victim_variable} + '='
                        + std::to_string(victim_output) + ':' + backend);
    auto argv = pointers_to(arguments);
    auto env = pointers_to(variables);
    if (::posix_spawn(&pid_, "/proc/self/exe", &actions, nullptr, argv.data(),
                      env.data())
        != 0)
      pid_ = -1;
    posix_spawn_file_actions_destroy(&actions);
  }

  ~victim() {
    kill();
  }

  victim(const victim&) = delete;
  victim& operator=(const victim&) = delete;

  /// The process of its runner, within a minute.
  std::optional<pid_t> runner() {
    std::string digits;
    pollfd ready{output_.get(), POLLIN, 0};
    for (char c = 0; ::poll(&ready, 1, 60'000) == 1;) {
      if (::read(output_.get(), &c, 1) != 1)
        return std::nullopt;
      if (c == '\n')
        return static_cast<pid_t>(std::atoi(digits.c_str()));
      digits += c;
    }
    return std::nullopt;
  }

  void kill() {
    if (pid_ <= 0)
      return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

private:
  static std::vector<std::string> own_arguments() {
    std::vector<std::string> result;
    std::ifstream file{"/proc/self/cmdline", std::ios::binary};
    for (std::string part; std::getline(file, part, '\0');)
      result.push_back(part);
    return result;
  }

  static std::vector<std::string> own_variables() {
    std::vector<std::string> result;
    for (auto entry = environ; entry && *entry; ++entry)
      result.emplace_back(*entry);
    return result;
  }

  static std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> result;
    result.reserve(texts.size() + 1);
    for (auto& text : texts)
      result.push_back(text.data());
    result.push_back(nullptr);
    return result;
  }

  flame::detail::unique_fd output_;
  pid_t pid_ = -1;
};

/// The backend that this process is a second parent for; nothing in any other.
inline std::optional<std::string> victim_of() {
  auto* value = std::getenv(victim_variable);
  if (!value)
    return std::nullopt;
  std::string text{value};
  return text.substr(std::min(text.find(':') + 1, text.size()));
}

/// Tells who started this process that `runner` is there, and waits for the
/// end.
[[noreturn]] inline void be_victim(pid_t runner) {
  auto line = std::to_string(runner) + '\n';
  auto written = ::write(victim_output, line.data(), line.size());
  if (written != static_cast<ssize_t>(line.size()))
    std::_Exit(EXIT_FAILURE);
  for (;;)
    ::pause();
}

/// Whether a process that is not a child of this one ends within `bound`.
inline bool ends_within(const flame::detail::unique_fd& process, int bound_ms) {
  pollfd ended{process.get(), POLLIN, 0};
  return ::poll(&ended, 1, bound_ms) == 1;
}

inline flame::detail::unique_fd open_process(pid_t pid) {
  return flame::detail::unique_fd{
    static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
}

} // namespace flame::testing
