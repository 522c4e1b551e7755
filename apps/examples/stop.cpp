// A stop token: a function that takes one first is told when nobody wants its
// result any more. Here the call has a timeout; the function ends at once, and
// its slot is free.
//
//   FLAME_BACKEND=process stop
#include <chrono>
#include <iostream>
#include <thread>

#include <flame/flame.hpp>

using namespace std::chrono_literals;

namespace {

/// Counts until it is told to stop.
long count(std::stop_token stop) {
  long result = 0;
  for (; !stop.stop_requested(); ++result)
    std::this_thread::sleep_for(1ms);
  std::fprintf(stderr, "stopped after %ld steps\n", result);
  return result;
}

} // namespace

int main(int argc, char** argv) {
  return flame::run(argc, argv, [](flame::node& node) {
    auto pool = node.pool("counters", {.max = 1, .max_concurrency = 1});
    try {
      flame::call(pool, {.timeout = 200ms}, count);
    } catch (const flame::call_error& error) {
      std::cout << "the call failed: " << error.code() << '\n';
    }
    // The only slot is free again, because the function heeded the token.
    std::cout << "the next call returns " << flame::call(pool, [] {
      return 42;
    }) << '\n';
  });
}
