// A parent with many working runners, each with an ffmpeg of its own, that
// waits to be killed. Prints the process ids of runners and ffmpegs.
//
//   many_runners COUNT SIGNS [start|isolated|beats]
//
// With `start`, runners never come to the end of their start. With `isolated`,
// each call works in a process of its own, which it gives as its runner.
//
// SIGNS says by which signs the runners learn that their parent is gone: 1 the
// parent-death signal, 2 the end of the lanes, 4 CAF's monitors, 8 heart-beats.
// With `beats`, those are missed after half a second.
#include <csignal>
#include <iostream>
#include <string>
#include <thread>

#include <fcntl.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <flame/flame.hpp>

extern char** environ;

namespace {

/// Starts an ffmpeg that encodes for an hour.
int start_ffmpeg() {
  const char* argv[] = {
    "ffmpeg", "-loglevel", "quiet", "-re",
    "-f",     "lavfi",     "-i",    "testsrc2=size=64x64:rate=1:duration=3600",
    "-f",     "null",      "-",     nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  pid_t pid = -1;
  posix_spawnp(&pid, argv[0], &actions, nullptr, const_cast<char**>(argv),
               environ);
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

std::pair<int, int> start_work() {
  return {::getpid(), start_ffmpeg()};
}

[[noreturn]] void work_for_ever() {
  for (;;)
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
}

[[noreturn]] void say_and_work() {
  static const auto ids = start_work();
  std::printf("runner %d ffmpeg %d\n", ids.first, ids.second);
  std::fflush(stdout);
  work_for_ever();
}

bool has_mode(flame::node& node, std::string_view mode) {
  auto args = node.args();
  return args.size() > 2 && args[2] == mode;
}

flame::heartbeat_options beats_of(flame::node& node) {
  if (!has_mode(node, "beats"))
    return {};
  return {std::chrono::milliseconds{50}, std::chrono::milliseconds{500}};
}

int run(flame::node& node) {
  // Only the parent comes here. It is there for a test, which may crash.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  auto count = std::stoul(node.args()[0]);
  auto pool = node.pool("many", {.max = count,
                                 .max_concurrency = 2,
                                 .timeout = std::chrono::hours{1},
                                 .backend = "process",
                                 .isolation = has_mode(node, "isolated")
                                                ? flame::isolation::process
                                                : flame::isolation::thread,
                                 .heartbeat = beats_of(node)});
  // One call each occupies every runner, the other says who it is.
  std::vector<std::future<void>> busy;
  for (std::size_t i = 0; i < 2 * count; ++i)
    busy.push_back(flame::async(pool, [](std::stop_token stop) {
      // Neither stops when it should, nor lets others, as bad code does.
      std::stop_callback never{stop, work_for_ever};
      say_and_work();
    }));
  for (auto& each : busy)
    each.wait();
  return 0;
}

int signs = 7;

struct app {
  static void configure(flame::node_options& options) {
    options.parent_signs = static_cast<unsigned char>(signs);
  }

  void start(flame::node& node) {
    if (node.is_runner() && has_mode(node, "start"))
      say_and_work();
  }

  int main(flame::node& node) {
    return run(node);
  }
};

} // namespace

int main(int argc, char** argv) {
  if (argc > 2)
    signs = std::stoi(argv[2]);
  return flame::run<app>(argc, argv);
}
