/// To be preloaded: each program takes its time to start, so that a runner can be
/// seen to boot.
#include <chrono>
#include <thread>

namespace {

[[gnu::constructor]] void take_your_time() {
  std::this_thread::sleep_for(std::chrono::milliseconds{500});
}

} // namespace
