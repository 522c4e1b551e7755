/// Runners and parents that are there, and do nothing.
#include <signal.h>
#include <unistd.h>

#include "support/processes.hpp"
#include "support/test_main.hpp"

using namespace std::chrono_literals;
using namespace tests;

namespace {

int own_pid() {
  return ::getpid();
}

/// Holds its slot until it is stopped.
int works(std::stop_token stop) {
  while (!stop.stop_requested())
    std::this_thread::sleep_for(1ms);
  return ::getpid();
}

flame::pool pool_with(flame::heartbeat_options heartbeat,
                      flame::isolation isolation = flame::isolation::thread) {
  return new_pool("process", {.max = 1,
                              .timeout = flame::infinite,
                              .isolation = isolation,
                              .heartbeat = heartbeat});
}

/// Stops a process while it exists.
class stopped {
public:
  explicit stopped(int pid) : pid_(pid) {
    ::kill(pid_, SIGSTOP);
    CHECK(eventually([&] {
      return is_stopped(pid_);
    }));
  }

  ~stopped() {
    ::kill(pid_, SIGCONT);
  }

private:
  int pid_;
};

} // namespace

TEST_CASE("a runner that was stopped is given up within the tolerance") {
  auto pool = pool_with({100ms, 1s});
  auto runner = flame::call(pool, own_pid);
  auto call = flame::async(pool, works);
  auto begin = std::chrono::steady_clock::now();
  stopped it{runner};
  auto error = failure_of([&] {
    call.get();
  });
  auto took = std::chrono::steady_clock::now() - begin;
  CHECK(error.code() == flame::errc::runner_lost);
  CHECK(std::string{error.what()}.find("heart-beat") != std::string::npos);
  // Not before its time. How much after depends on how busy the machine is.
  CHECK(took > 500ms);
  CHECK(took < 15s);
  // A new one comes, and the old one is no more.
  CHECK(flame::call(pool, own_pid) != runner);
  CHECK(eventually([&] {
    return !is_running(runner);
  }));
}

TEST_CASE("the workers of a runner that was given up end with it") {
  auto pool = pool_with({100ms, 1s}, flame::isolation::process);
  auto worker = flame::call(pool, own_pid);
  auto runner =
    flame::call(pool, {.isolation = flame::isolation::thread}, own_pid);
  auto call = flame::async(pool, works);
  stopped it{runner};
  CHECK(failure_of([&] {
          call.get();
        }).code()
        == flame::errc::runner_lost);
  CHECK(eventually([&] {
    return !is_running(worker) && !is_running(runner);
  }));
}

TEST_CASE("an idempotent call goes on elsewhere when its runner is stopped") {
  auto pool = pool_with({100ms, 1s});
  auto runner = flame::call(pool, own_pid);
  stopped it{runner};
  auto other = flame::call(
    pool, {.idempotent = true, .retry = flame::retry_options{.attempts = 2}},
    own_pid);
  CHECK(other != runner);
}

TEST_CASE("a stop that is shorter than the tolerance harms nobody") {
  auto pool = pool_with({100ms, 30s});
  auto runner = flame::call(pool, own_pid);
  {
    stopped it{runner};
    std::this_thread::sleep_for(1s);
  }
  CHECK(flame::call(pool, own_pid) == runner);
  CHECK(pool.stats().lost == 0);
}

TEST_CASE("long messages and a busy runner do not delay heart-beats") {
  auto pool = pool_with({50ms, 5s});
  auto runner = flame::call(pool, own_pid);
  std::string big(64 << 20, 'x');
  auto end = std::chrono::steady_clock::now() + 2s;
  std::vector<std::jthread> callers;
  for (int i = 0; i < 3; ++i)
    callers.emplace_back([&] {
      while (std::chrono::steady_clock::now() < end)
        CHECK(flame::call(
                pool,
                [](std::string text) {
                  return text;
                },
                big)
                .size()
              == big.size());
    });
  callers.clear();
  CHECK(flame::call(pool, own_pid) == runner);
}

TEST_CASE("without heart-beats a stopped runner costs a call its own time") {
  auto pool = pool_with({.interval = 0s});
  auto runner = flame::call(pool, own_pid);
  stopped it{runner};
  CHECK(failure_of([&] {
          flame::call(pool, {.timeout = 1500ms}, own_pid);
        }).code()
        == flame::errc::timeout);
  CHECK(pool.stats().lost == 0);
}
