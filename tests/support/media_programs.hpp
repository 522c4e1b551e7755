/// What tests of the programs around ffmpeg need: programs that run, processes
/// that they have started, videos and files.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <thread>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tests {

namespace fs = std::filesystem;

using namespace std::chrono_literals;
using json = nlohmann::json;
using clock_type = std::chrono::steady_clock;

inline constexpr auto bound = 60s;

// -- processes ----------------------------------------------------------------

struct process_state {
  int pid = 0;
  int parent = 0;
  char state = '?';
  std::uint64_t cpu_ticks = 0;
  std::string name;
};

inline std::optional<process_state> state_of(int pid) {
  std::ifstream file{"/proc/" + std::to_string(pid) + "/stat"};
  std::string text{std::istreambuf_iterator<char>{file}, {}};
  auto open = text.find('(');
  auto close = text.rfind(')');
  if (open == std::string::npos || close == std::string::npos)
    return std::nullopt;
  process_state result;
  result.pid = pid;
  result.name = text.substr(open + 1, close - open - 1);
  std::istringstream rest{text.substr(close + 2)};
  std::string skipped;
  rest >> result.state >> result.parent;
  for (int i = 0; i < 9; ++i)
    rest >> skipped;
  std::uint64_t user = 0;
  std::uint64_t system = 0;
  rest >> user >> system;
  result.cpu_ticks = user + system;
  return result;
}

/// What has ended and is not reaped yet does not run.
inline bool runs(int pid) {
  auto state = state_of(pid);
  return state && state->state != 'Z';
}

/// All processes below `root`, zombies included.
inline std::vector<process_state> descendants(int root) {
  std::vector<process_state> all;
  for (auto& entry : fs::directory_iterator{"/proc"}) {
    auto name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos)
      continue;
    if (auto state = state_of(std::stoi(name)))
      all.push_back(*state);
  }
  std::set<int> found{root};
  std::vector<process_state> result;
  for (auto before = result.size() + 1; before != result.size();) {
    before = result.size();
    for (auto& each : all) {
      if (found.contains(each.parent) && found.insert(each.pid).second)
        result.push_back(each);
    }
  }
  return result;
}

template <class F>
bool eventually(F condition, std::chrono::milliseconds limit = bound) {
  auto deadline = clock_type::now() + limit;
  while (!condition()) {
    if (clock_type::now() > deadline)
      return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

/// What a program has left behind becomes a child of this process.
class orphanage {
public:
  orphanage() {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  }

  ~orphanage() {
    for (auto& each : descendants(::getpid()))
      ::kill(each.pid, SIGKILL);
    while (::waitpid(-1, nullptr, 0) > 0)
      continue;
  }

  /// Whether nothing is left, or is about to end.
  bool empties(std::chrono::milliseconds limit = 10s) {
    return eventually(
      [] {
        while (::waitpid(-1, nullptr, WNOHANG) > 0)
          continue;
        return descendants(::getpid()).empty();
      },
      limit);
  }
};

using variables = std::map<std::string, std::string>;

inline std::vector<std::string> environment_with(const variables& changes) {
  std::vector<std::string> result;
  for (auto** each = environ; *each; ++each) {
    std::string line{*each};
    auto name = line.substr(0, line.find('='));
    // Settings of whoever runs the tests are not those of the tests.
    if (!changes.contains(name) && !name.starts_with("FLAME_"))
      result.push_back(line);
  }
  for (auto& [name, value] : changes)
    result.emplace_back(name).append("=").append(value);
  return result;
}

inline std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (auto& each : strings)
    result.push_back(each.data());
  result.push_back(nullptr);
  return result;
}

/// Starts a program.
/// @param flags of posix_spawn: a group or a session of its own
/// @param files says what its descriptors are, as file actions
template <class F>
int spawn(std::vector<std::string> command, const variables& changes,
          short flags, F files) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  files(&actions);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, flags);
  auto argv = pointers(command);
  auto environment = environment_with(changes);
  auto envp = pointers(environment);
  int pid = -1;
  auto error = ::posix_spawnp(&pid, command[0].c_str(), &actions, &attributes,
                              argv.data(), envp.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  REQUIRE(error == 0);
  return pid;
}

/// A program that runs, in a process group of its own. Its destructor kills it.
class program {
public:
  explicit program(std::vector<std::string> command,
                   const variables& changes = {}) {
    int out[2];
    int err[2];
    REQUIRE(::pipe2(out, O_CLOEXEC) == 0);
    REQUIRE(::pipe2(err, O_CLOEXEC) == 0);
    pid_ = spawn(std::move(command), changes, POSIX_SPAWN_SETPGROUP,
                 [&](posix_spawn_file_actions_t* files) {
                   posix_spawn_file_actions_addopen(files, 0, "/dev/null",
                                                    O_RDONLY, 0);
                   posix_spawn_file_actions_adddup2(files, out[1], 1);
                   posix_spawn_file_actions_adddup2(files, err[1], 2);
                 });
    ::close(out[1]);
    ::close(err[1]);
    streams_[0].fd = out[0];
    streams_[1].fd = err[0];
  }

  program(const program&) = delete;
  program& operator=(const program&) = delete;

  ~program() {
    if (!status_) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    for (auto& each : streams_)
      ::close(each.fd);
  }

  int pid() const {
    return pid_;
  }

  void signal(int number) const {
    REQUIRE(::kill(pid_, number) == 0);
  }

  /// The next line of its output; nothing at the end, or out of time.
  std::optional<std::string> next_line() {
    auto& text = streams_[0].text;
    auto deadline = clock_type::now() + bound;
    for (;;) {
      auto end = text.find('\n', line_begin_);
      if (end != std::string::npos) {
        auto line = text.substr(line_begin_, end - line_begin_);
        line_begin_ = end + 1;
        return line;
      }
      if (!read_some(deadline))
        return std::nullopt;
    }
  }

  /// The next event of this name, of those that `--json` prints.
  json next_event(const std::string& name) {
    while (auto line = next_line()) {
      auto event = json::parse(*line);
      if (event["event"] == name)
        return event;
    }
    FAIL("there is no event " << name << "; errors: " << errors());
    return {};
  }

  /// Reads and waits to the end; the status is that of a shell.
  int wait() {
    auto deadline = clock_type::now() + bound;
    while (read_some(deadline))
      continue;
    int status = 0;
    auto is_over = eventually([&] {
      return ::waitpid(pid_, &status, WNOHANG) == pid_;
    });
    REQUIRE_MESSAGE(is_over, "it does not end; output: ", output());
    status_ =
      WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return *status_;
  }

  const std::string& output() const {
    return streams_[0].text;
  }

  const std::string& errors() const {
    return streams_[1].text;
  }

  std::vector<json> events() const {
    std::vector<json> result;
    std::istringstream lines{output()};
    for (std::string line; std::getline(lines, line);)
      result.push_back(json::parse(line));
    return result;
  }

private:
  struct stream {
    int fd = -1;
    bool is_open = true;
    std::string text;
  };

  bool read_some(clock_type::time_point deadline) {
    std::array<pollfd, 2> fds{};
    for (std::size_t i = 0; i < 2; ++i)
      fds[i] = {streams_[i].is_open ? streams_[i].fd : -1, POLLIN, 0};
    if (!streams_[0].is_open && !streams_[1].is_open)
      return false;
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      deadline - clock_type::now());
    if (left.count() <= 0
        || ::poll(fds.data(), fds.size(), static_cast<int>(left.count())) <= 0)
      return false;
    std::array<char, 4096> buffer;
    for (std::size_t i = 0; i < 2; ++i) {
      if (fds[i].revents == 0)
        continue;
      auto size = ::read(streams_[i].fd, buffer.data(), buffer.size());
      if (size > 0)
        streams_[i].text.append(buffer.data(), static_cast<std::size_t>(size));
      else
        streams_[i].is_open = false;
    }
    return true;
  }

  int pid_ = -1;
  std::optional<int> status_;
  std::array<stream, 2> streams_;
  std::size_t line_begin_ = 0;
};

// -- files --------------------------------------------------------------------

class temporary_directory {
public:
  temporary_directory() {
    auto name = (fs::temp_directory_path() / "flame-test-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }

  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;

  ~temporary_directory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }

  std::string operator/(const std::string& name) const {
    return (path_ / name).string();
  }

private:
  fs::path path_;
};

inline std::string contents(const fs::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

/// Names and contents of all files in a directory.
inline std::map<std::string, std::string> files_in(const fs::path& directory) {
  std::map<std::string, std::string> result;
  for (auto& entry : fs::directory_iterator{directory})
    result[entry.path().filename().string()] = contents(entry.path());
  return result;
}

struct video_options {
  std::string size = "320x180";
  std::string seconds = "6";
  std::vector<std::string> more = {};
};

inline void make_video(const std::string& path, const video_options& options) {
  std::vector<std::string> command{"ffmpeg",
                                   "-nostdin",
                                   "-loglevel",
                                   "error",
                                   "-y",
                                   "-f",
                                   "lavfi",
                                   "-i",
                                   "testsrc2=rate=25:size=" + options.size
                                     + ":duration=" + options.seconds,
                                   "-c:v",
                                   "libx264",
                                   "-preset",
                                   "ultrafast",
                                   "-pix_fmt",
                                   "yuv420p"};
  command.insert(command.end(), options.more.begin(), options.more.end());
  command.push_back(path);
  program ffmpeg{command};
  REQUIRE_MESSAGE(ffmpeg.wait() == 0, ffmpeg.errors());
}

/// The same pictures several times over, without encoding them again.
inline void repeat_video(const std::string& from, int times,
                         const std::string& path) {
  program ffmpeg{{"ffmpeg", "-nostdin", "-loglevel", "error", "-y",
                  "-stream_loop", std::to_string(times - 1), "-i", from, "-c",
                  "copy", path}};
  REQUIRE_MESSAGE(ffmpeg.wait() == 0, ffmpeg.errors());
}

} // namespace tests
