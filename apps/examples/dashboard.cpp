// An admin page: one line, and a browser shows pools, runners, calls and
// supervisors while they live. Here with something to look at, until Enter.
//
//   FLAME_BACKEND=process dashboard
#include <iostream>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <flame/dashboard.hpp>
#include <flame/flame.hpp>

namespace {

using namespace std::chrono_literals;

int between(int least, int most) {
  static thread_local std::mt19937 source{std::random_device{}()};
  return std::uniform_int_distribution<>{least, most}(source);
}

/// Runs on a runner: takes a while, and fails now and then.
int work(int milliseconds) {
  std::this_thread::sleep_for(between(1, milliseconds) * 1ms);
  if (between(1, 60) == 1)
    throw std::runtime_error{"out of paper"};
  return milliseconds;
}

/// Keeps a pool busy, in waves, so that runners come and go.
void keep_busy(const std::stop_token& stop, const flame::pool& pool,
               int milliseconds) {
  while (!stop.stop_requested()) {
    for (int calls = between(10, 60); calls > 0 && !stop.stop_requested();
         --calls)
      (void)flame::try_call(pool, {.timeout = 2s}, work, milliseconds);
    std::this_thread::sleep_for(between(0, 2000) * 1ms);
  }
}

/// An actor that does not live long, for its supervisor to start again.
caf::behavior mayfly(caf::event_based_actor* self) {
  self->delayed_send(self, between(5, 20) * 1s, caf::tick_atom::value);
  return {[=](caf::tick_atom) {
    self->quit(caf::exit_reason::unhandled_exception);
  }};
}

caf::behavior stone(caf::event_based_actor*) {
  return {[](caf::unit_t) {}};
}

} // namespace

int main(int argc, char** argv) {
  return flame::run(argc, argv, [](flame::node& node) {
    flame::dashboard page{node, {.listen = "localhost:0"}};
    std::cout << "the page is at " << page.url() << ", until Enter"
              << std::endl;
    auto printers = node.pool(
      "printers", {.max = 4, .max_concurrency = 4, .idle_shutdown_after = 1s});
    auto post = node.pool("post", {.min = 1, .max = 2, .max_concurrency = 8});
    auto insects = flame::spawn_supervisor(
      node.system(),
      {.name = "meadow",
       .intensity = 100,
       .children = {{.id = "mayfly", .start = flame::here(mayfly)},
                    {.id = "stone", .start = flame::on(post, stone)}}});
    std::stop_source stop;
    std::vector<std::jthread> callers;
    callers.reserve(15);
    for (int i = 0; i < 12; ++i)
      callers.emplace_back(keep_busy, stop.get_token(), printers, 60);
    for (int i = 0; i < 3; ++i)
      callers.emplace_back(keep_busy, stop.get_token(), post, 8);
    std::cin.get();
    // All at once, before each is waited for.
    stop.request_stop();
  });
}
