#include <algorithm>
#include <map>
#include <set>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>

#include "support/processes.hpp"
#include "support/test_main.hpp"

using namespace std::chrono_literals;
using namespace tests;

extern char** environ;

namespace {

/// A parent with runners, which this test kills.
class doomed_parent {
public:
  doomed_parent(std::size_t runners, int signs, std::string mode) {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    output_ = ends[0];
    std::string program = MANY_RUNNERS;
    auto count = std::to_string(runners);
    auto which = std::to_string(signs);
    char* argv[] = {program.data(), count.data(), which.data(), mode.data(),
                    nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    REQUIRE(
      ::posix_spawn(&pid_, program.c_str(), &actions, nullptr, argv, environ)
      == 0);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
  }

  ~doomed_parent() {
    kill();
    // Also when the test has failed, nothing stays.
    for (auto& [runner, ffmpeg] : processes_)
      for (auto pid : {runner, ffmpeg})
        if (is_running(pid))
          ::kill(pid, SIGKILL);
    ::close(output_);
  }

  /// Waits until that many runners have said who they are.
  bool wait_for(std::size_t runners) {
    auto deadline = std::chrono::steady_clock::now() + 60s;
    while (processes_.size() < runners) {
      if (std::chrono::steady_clock::now() > deadline)
        return false;
      pollfd ready{output_, POLLIN, 0};
      if (::poll(&ready, 1, 1000) == 1 && !read())
        return false;
    }
    return true;
  }

  void stop() {
    ::kill(pid_, SIGSTOP);
  }

  void go_on() {
    ::kill(pid_, SIGCONT);
  }

  void kill() {
    if (pid_ <= 0)
      return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

  const std::map<int, int>& processes() const {
    return processes_;
  }

private:
  /// Runners write to their parent's log, and that to its standard error.
  bool read() {
    char bytes[4096];
    auto got = ::read(output_, bytes, sizeof(bytes));
    if (got <= 0)
      return false;
    text_.append(bytes, static_cast<std::size_t>(got));
    for (std::size_t end; (end = text_.find('\n')) != text_.npos;) {
      auto line = text_.substr(0, end);
      text_.erase(0, end + 1);
      int runner = 0;
      int ffmpeg = 0;
      auto at = line.find("| runner ");
      if (at != line.npos
          && std::sscanf(line.c_str() + at, "| runner %d ffmpeg %d", &runner,
                         &ffmpeg)
               == 2)
        processes_[runner] = ffmpeg;
    }
    return true;
  }

  pid_t pid_ = -1;
  int output_ = -1;
  std::string text_;
  std::map<int, int> processes_;
};

void check_nothing_is_left(std::size_t runners, int signs,
                           const std::string& mode = "work") {
  doomed_parent parent{runners, signs, mode};
  // Two calls on each, in processes of their own.
  REQUIRE(parent.wait_for(mode == "isolated" ? 2 * runners : runners));
  for (auto& [runner, ffmpeg] : parent.processes()) {
    CHECK(is_running(runner));
    CHECK(is_running(ffmpeg));
  }
  parent.kill();
  auto all_gone = [&] {
    for (auto& [runner, ffmpeg] : parent.processes())
      if (is_running(runner) || is_running(ffmpeg))
        return false;
    return true;
  };
  CHECK(eventually(all_gone, 2000ms));
}

} // namespace

TEST_CASE("kill -9 of a parent leaves no runner and no ffmpeg after 2 s") {
  check_nothing_is_left(20, 7);
}

TEST_CASE("CAF's monitors alone end all runners of a parent that was killed") {
  check_nothing_is_left(20, 4);
}

TEST_CASE("the parent-death signal alone ends all runners too") {
  check_nothing_is_left(5, 1);
}

TEST_CASE("the end of the lanes alone ends all runners too") {
  check_nothing_is_left(5, 2);
}

TEST_CASE("the workers of isolated calls end with the parent of their runner") {
  for (int signs : {7, 1, 2, 4}) {
    CAPTURE(signs);
    check_nothing_is_left(3, signs, "isolated");
  }
}

TEST_CASE("the end of the heart-beats alone ends all runners too") {
  check_nothing_is_left(5, 8);
}

TEST_CASE("runners leave a parent that was stopped for longer than they bear") {
  doomed_parent parent{3, 15, "beats"};
  REQUIRE(parent.wait_for(3));
  parent.stop();
  CHECK(eventually([&] {
    return std::ranges::none_of(parent.processes(), [](auto& each) {
      return is_running(each.first) || is_running(each.second);
    });
  }));
}

TEST_CASE("when parent and runners are stopped, nobody gives the other up") {
  doomed_parent parent{3, 15, "beats"};
  REQUIRE(parent.wait_for(3));
  auto runners = parent.processes();
  parent.stop();
  for (auto& [runner, ffmpeg] : runners)
    ::kill(runner, SIGSTOP);
  std::this_thread::sleep_for(1500ms);
  for (auto& [runner, ffmpeg] : runners)
    ::kill(runner, SIGCONT);
  parent.go_on();
  std::this_thread::sleep_for(300ms);
  for (auto& [runner, ffmpeg] : runners)
    CHECK(is_running(runner));
}

TEST_CASE("a runner whose start never ends does not outlive its parent") {
  for (int signs : {1, 2, 4}) {
    CAPTURE(signs);
    check_nothing_is_left(3, signs, "start");
  }
}
