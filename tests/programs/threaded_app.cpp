// A program that has a thread before it becomes a parent or a runner, as some
// libraries start one: its calls cannot be isolated, and it is told so.
#include <iostream>
#include <thread>

#include <flame/flame.hpp>

namespace {

const std::jthread early{[](std::stop_token stop) {
  while (!stop.stop_requested())
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
}};

int answer() {
  return 42;
}

} // namespace

int main(int argc, char** argv) {
  return flame::run(argc, argv, [](flame::node& node) {
    auto pool = node.pool("threads", {.backend = "process"});
    std::cout << "on a thread: " << flame::call(pool, answer) << std::endl;
    auto isolated = flame::isolation::process;
    try {
      flame::call(pool, {.isolation = isolated}, answer);
    } catch (const flame::call_error& error) {
      std::cout << "a call: " << error.code() << ": " << error.what()
                << std::endl;
    }
    auto other =
      node.pool("workers", {.backend = "process", .isolation = isolated});
    try {
      flame::call(other, {.timeout = std::chrono::seconds{1}}, answer);
    } catch (const flame::call_error& error) {
      std::cout << "a pool: " << error.code() << ": " << error.what()
                << std::endl;
    }
  });
}
