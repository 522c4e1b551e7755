// Makes one call that fails, or may.
//
//   replay_program BACKEND CALL [FILE]
#include <csignal>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>

#include <flame/flame.hpp>

namespace {

/// What `start` sets up on every node that runs calls.
std::string greeting;

std::size_t measure(const std::string& file, const std::string& text) {
  if (std::filesystem::exists(file))
    throw std::out_of_range(greeting + " does not like " + text);
  return text.size();
}

void crash() {
  std::raise(SIGKILL);
}

void sleep_until_stopped(std::stop_token stop) {
  while (!stop.stop_requested())
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
}

struct app {
  void start(flame::node&) {
    greeting = "the runner";
  }

  int main(flame::node& node) {
    auto args = node.args();
    auto pool = node.pool(
      "replay",
      {.max = 1, .timeout = std::chrono::seconds{20}, .backend = args[0]});
    flame::call_options soon{.timeout = std::chrono::milliseconds{100}};
    if (args[1] == "measure")
      std::cout << flame::call(pool, measure, args[2], "some text")
                << std::endl;
    else if (args[1] == "crash")
      flame::call(pool, crash);
    else
      flame::call(pool, soon, sleep_until_stopped);
    return 0;
  }
};

} // namespace

int main(int argc, char** argv) {
  return flame::run<app>(argc, argv);
}
