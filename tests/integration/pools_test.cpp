#include <atomic>
#include <ctime>
#include <mutex>
#include <set>
#include <thread>

#include <signal.h>
#include <unistd.h>

#include "support/processes.hpp"
#include "support/sanitizers.hpp"
#include "support/test_main.hpp"

using namespace std::chrono_literals;
using namespace tests;

namespace {

std::atomic<bool> may_end = false;

/// Never looks at a stop token.
void ignore_stop_token() {
  while (!may_end)
    std::this_thread::sleep_for(1ms);
}

void until_stopped(std::stop_token stop) {
  while (!stop.stop_requested())
    std::this_thread::sleep_for(1ms);
}

int pid_after(std::chrono::milliseconds time) {
  std::this_thread::sleep_for(time);
  return ::getpid();
}

} // namespace

void tests::configure(flame::node_options&) {
  // nop
}

TEST_CASE("min runners are ready when the pool is") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.min = 2, .max = 3});
    CHECK(pool.stats().runners == 2);
    CHECK(pool.stats().booting == 0);
  });
}

TEST_CASE("a pool without min has no runner until somebody calls") {
  auto pool = new_pool("process");
  CHECK(pool.stats().runners + pool.stats().booting == 0);
  flame::call(pool, [] {});
  CHECK(pool.stats().boots == 1);
}

TEST_CASE("a pool grows only when every runner is full, up to max") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 3, .max_concurrency = 2});
    for (int i = 0; i < 5; ++i)
      flame::call(pool, [] {});
    CHECK(pool.stats().boots == 1);
    std::vector<std::future<int>> calls;
    for (int i = 0; i < 12; ++i)
      calls.push_back(flame::async(pool, pid_after, beyond_boot(50ms)));
    CHECK(eventually([&] {
      return pool.stats().runners == 3;
    }));
    std::set<int> pids;
    for (auto& each : calls)
      pids.insert(each.get());
    CHECK(pids.size() == (backend == "local" ? 1u : 3u));
    CHECK(pool.stats().boots == 3);
  });
}

TEST_CASE("runners for a queue are booted in parallel, at once") {
  auto pool = new_pool("process", {.max = 8, .max_concurrency = 1});
  std::vector<std::future<int>> calls;
  for (int i = 0; i < 8; ++i)
    calls.push_back(flame::async(pool, pid_after, beyond_boot(300ms)));
  std::set<int> pids;
  for (auto& each : calls)
    pids.insert(each.get());
  // One after the other, the first would have served the later ones.
  CHECK(pids.size() == 8);
}

TEST_CASE("the first calls fill a booting runner up to max_concurrency") {
  auto pool = new_pool("process", {.max = 8, .max_concurrency = 4});
  std::vector<std::future<int>> calls;
  for (int i = 0; i < 8; ++i)
    calls.push_back(flame::async(pool, pid_after, 100ms));
  std::set<int> pids;
  for (auto& each : calls)
    pids.insert(each.get());
  CHECK(pids.size() <= 3);
  CHECK(pool.stats().boots <= 3);
}

TEST_CASE("idle runners above min go, those of min stay") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(
      backend,
      {.min = 1, .max = 4, .max_concurrency = 1, .idle_shutdown_after = 50ms});
    std::vector<std::future<int>> calls;
    for (int i = 0; i < 4; ++i)
      calls.push_back(flame::async(pool, pid_after, 50ms));
    for (auto& each : calls)
      each.get();
    CHECK(eventually([&] {
      return pool.stats().runners == 1;
    }));
    CHECK(eventually([&] {
      return pool.stats().retired == 3;
    }));
    CHECK(flame::call(pool,
                      [] {
                        return 1;
                      })
          == 1);
    CHECK(pool.stats().lost == 0);
  });
}

TEST_CASE("a pool that has shrunk to zero grows again") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.idle_shutdown_after = 5ms});
    for (std::size_t i = 1; i <= 10; ++i) {
      CHECK(flame::call(pool,
                        [] {
                          return 1;
                        })
            == 1);
      CHECK(eventually([&] {
        return pool.stats().retired == i;
      }));
    }
    CHECK(pool.stats().lost == 0);
  });
}

TEST_CASE("a runner with a call under way is not idle") {
  auto pool = new_pool("process", {.idle_shutdown_after = 10ms});
  CHECK(flame::call(pool, pid_after, 200ms) > 0);
  CHECK(pool.stats().boots == 1);
}

TEST_CASE("a call that meets a runner about to go never fails") {
  auto pool = new_pool(
    "process", {.max = 2, .max_concurrency = 1, .idle_shutdown_after = 1ms});
  for (int i = 0; i < 150; ++i) {
    std::this_thread::sleep_for(std::chrono::microseconds(600 + i * 7));
    REQUIRE(flame::call(
              pool,
              [](int x) {
                return x;
              },
              i)
            == i);
  }
  CHECK(pool.stats().lost == 0);
}

TEST_CASE("a runner that is killed fails its call with signal and last lines") {
  auto pool = new_pool("process");
  flame::call(pool, [] {});
  auto error = failure_of([&] {
    flame::call(pool, [] {
      for (int i = 1; i <= 30; ++i)
        fprintf(stderr, "line %d\n", i);
      fflush(stderr);
      ::kill(::getpid(), SIGKILL);
    });
  });
  std::string text = error.what();
  CHECK(error.code() == flame::errc::runner_lost);
  CHECK(error.runner() == pool.name() + "-1");
  CHECK(text.find("killed by signal 9 (Killed)") != text.npos);
  CHECK(text.find("line 30") != text.npos);
  CHECK(text.find("line 11\n") != text.npos);
  CHECK(text.find("line 10\n") == text.npos);
  CHECK(eventually([&] {
    return pool.stats().lost == 1;
  }));
  CHECK(flame::call(pool,
                    [] {
                      return 1;
                    })
        == 1);
}

TEST_CASE("a runner that exits fails its call with the exit status") {
  auto pool = new_pool("process");
  auto error = failure_of([&] {
    flame::call(pool, [] {
      ::_exit(3);
    });
  });
  CHECK(error.code() == flame::errc::runner_lost);
  CHECK(std::string{error.what()}.find("exit status 3") != std::string::npos);
}

TEST_CASE("only the calls of a lost runner fail") {
  auto pool = new_pool("process", {.max = 2, .max_concurrency = 2});
  auto first = flame::call(pool, [] {
    return ::getpid();
  });
  std::vector<std::future<int>> calls;
  for (int i = 0; i < 4; ++i)
    calls.push_back(flame::async(pool, pid_after, beyond_boot(500ms)));
  CHECK(eventually([&] {
    return pool.stats().in_use == 4;
  }));
  ::kill(first, SIGKILL);
  std::multiset<int> served;
  int failed = 0;
  for (auto& each : calls)
    try {
      served.insert(each.get());
    } catch (const flame::call_error& error) {
      CHECK(error.code() == flame::errc::runner_lost);
      ++failed;
    }
  CHECK(failed == 2);
  CHECK(served.size() == 2);
  CHECK(served.count(first) == 0);
}

TEST_CASE("a lost runner of min is replaced") {
  auto pool = new_pool("process", {.min = 2, .max = 2, .max_concurrency = 1});
  auto pid = flame::call(pool, [] {
    return ::getpid();
  });
  ::kill(pid, SIGKILL);
  CHECK(eventually([&] {
    return pool.stats().lost == 1;
  }));
  CHECK(eventually([&] {
    return pool.stats().runners == 2;
  }));
  CHECK(pool.stats().boots == 3);
}

TEST_CASE("the queue gets a new runner when the only one is lost") {
  auto pool = new_pool("process", {.max = 1, .max_concurrency = 1});
  auto doomed = flame::async(pool, [] {
    std::this_thread::sleep_for(100ms);
    ::kill(::getpid(), SIGKILL);
  });
  auto queued = flame::async(pool, [] {
    return 5;
  });
  CHECK(failure_of([&] {
          doomed.get();
        }).code()
        == flame::errc::runner_lost);
  CHECK(queued.get() == 5);
}

TEST_CASE("a program that cannot be started fails the callers with the cause") {
  flame::pool_options options;
  options.backend = {"process", {{"executable", "/nonexistent/program"}}};
  auto broken = node().pool("broken", options);
  auto begin = std::chrono::steady_clock::now();
  auto error = failure_of([&] {
    flame::call(broken, [] {});
  });
  CHECK(std::chrono::steady_clock::now() - begin < 5s);
  CHECK(std::string{error.what()}.find(
          "cannot start /nonexistent/program: No such file or directory")
        != std::string::npos);
}

TEST_CASE("a program that is no runner fails the boot with its output") {
  flame::pool_options options;
  options.timeout = 1s;
  options.backend = {"process", {{"executable", "/bin/false"}}};
  auto pool = node().pool("false", options);
  auto error = failure_of([&] {
    flame::call(pool, [] {});
  });
  CHECK(error.code() == flame::errc::boot_failed);
  CHECK(std::string{error.what()}.find("exit status 1") != std::string::npos);
}

TEST_CASE("a runner that does not join in time is given up") {
  flame::pool_options options;
  options.timeout = 1s;
  options.boot_timeout = 100ms;
  options.backend = {"process", {{"executable", "/bin/cat"}}};
  auto pool = node().pool("cat", options);
  auto error = failure_of([&] {
    flame::call(pool, [] {});
  });
  CHECK(error.code() == flame::errc::boot_failed);
}

TEST_CASE("an unknown backend or setting is refused when its pool starts") {
  auto backend = failure_of([] {
    node().pool("x1", {.backend = "proces"});
  });
  CHECK(backend.code() == flame::errc::invalid_configuration);
  CHECK(std::string{backend.what()}
        == "pool `x1`: there is no backend `proces`: did you mean `process`?");
  auto setting = failure_of([] {
    node().pool("x2", {.backend = {"process", {{"exectuable", "x"}}}});
  });
  CHECK(setting.code() == flame::errc::invalid_configuration);
  CHECK(std::string{setting.what()}
        == "pool `x2`: `exectuable` is not a setting of this backend: did you "
           "mean `executable`?");
  CHECK_MESSAGE(node().pool("x2", {.backend = "local"}),
                "the name of a pool that was refused can be had");
}

TEST_CASE("SIGTERM drains a runner: what runs ends, nothing new comes") {
  auto pool = new_pool("process", {.max = 1, .max_concurrency = 2});
  auto pid = flame::call(pool, [] {
    return ::getpid();
  });
  auto running = flame::async(pool, pid_after, 300ms);
  CHECK(eventually([&] {
    return pool.stats().in_use == 1;
  }));
  ::kill(pid, SIGTERM);
  CHECK(running.get() == pid);
  CHECK(eventually([&] {
    return pool.stats().retired == 1;
  }));
  CHECK(flame::call(pool,
                    [] {
                      return ::getpid();
                    })
        != pid);
  CHECK(pool.stats().lost == 0);
}

TEST_CASE("a second SIGTERM ends a runner at once") {
  auto pool = new_pool("process", {.max = 1});
  auto pid = flame::call(pool, [] {
    return ::getpid();
  });
  auto running = flame::async(pool, pid_after, 20'000ms);
  CHECK(eventually([&] {
    return pool.stats().in_use == 1;
  }));
  ::kill(pid, SIGTERM);
  CHECK(eventually([&] {
    ::kill(pid, SIGTERM);
    return running.wait_for(1ms) == std::future_status::ready;
  }));
  CHECK_THROWS_AS(running.get(), flame::call_error);
}

TEST_CASE("shutdown ends by force what does not end in shutdown_timeout") {
  auto pool = new_pool("process", {.shutdown_timeout = 100ms});
  auto stuck = flame::async(pool, pid_after, 60'000ms);
  CHECK(eventually([&] {
    return pool.stats().in_use == 1;
  }));
  auto begin = std::chrono::steady_clock::now();
  pool.shutdown();
  CHECK(std::chrono::steady_clock::now() - begin < 10s);
  auto error = failure_of([&] {
    stuck.get();
  });
  CHECK(std::string{error.what()}.find("shutdown_timeout")
        != std::string::npos);
}

TEST_CASE("a boot_timeout or shutdown_timeout that is infinite is never over") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.boot_timeout = flame::infinite,
                                   .shutdown_timeout = flame::infinite,
                                   .idle_shutdown_after = flame::infinite});
    auto running = flame::async(pool, pid_after, 300ms);
    CHECK(eventually([&] {
      return pool.stats().in_use == 1;
    }));
    pool.shutdown();
    CHECK(running.get() > 0);
    CHECK(pool.stats().failed_boots + pool.stats().lost == 0);
  });
}

TEST_CASE("idle_shutdown_after may be zero, and costs next to nothing") {
  auto pool = new_pool("process", {.max = 1, .idle_shutdown_after = 0s});
  auto begin = std::clock();
  CHECK(flame::call(pool, pid_after, 1000ms) > 0);
  auto seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  MESSAGE("CPU time of the parent during a call of 1 s: " << seconds << " s");
  if constexpr (!has_sanitizer)
    CHECK(seconds < 0.2);
  CHECK(eventually([&] {
    return pool.stats().retired == 1;
  }));
}

TEST_CASE("a runner with a call that ignores its stop token is replaced") {
  auto pool = new_pool("process", {.max = 1, .stop_grace = 100ms});
  auto pid = flame::call(pool, pid_after, 0ms);
  auto error = failure_of([&] {
    flame::call(pool, {.timeout = 100ms}, ignore_stop_token);
  });
  CHECK(error.code() == flame::errc::timeout);
  CHECK(eventually([&] {
    return flame::call(pool, pid_after, 0ms) != pid;
  }));
  CHECK_FALSE(is_running(pid));
  CHECK(pool.stats().lost == 1);
}

TEST_CASE("a runner with a child that never starts is replaced") {
  auto pool = new_pool("process", {.max = 1,
                                   .max_concurrency = 1,
                                   .stop_grace = 100ms,
                                   .drain_timeout = 300ms});
  // The time of the placement is none for a boot.
  flame::call(pool, pid_after, 0ms);
  std::promise<flame::errc> code;
  node().system().spawn([&](caf::event_based_actor* self) -> caf::behavior {
    auto never = [](caf::event_based_actor*) -> caf::behavior {
      for (;;)
        std::this_thread::sleep_for(1s);
    };
    flame::place_child(self, pool, {.timeout = beyond_boot(100ms)}, never)
      .then(
        [&](const caf::actor&) {
          code.set_value(flame::errc{});
        },
        [&](const flame::call_error& error) {
          code.set_value(error.code());
        });
    return {};
  });
  auto result = code.get_future();
  REQUIRE(result.wait_for(30s) == std::future_status::ready);
  CHECK(result.get() == flame::errc::timeout);
  CHECK(flame::call(pool,
                    [] {
                      return 1;
                    })
        == 1);
  CHECK(pool.stats().boots == 2);
}

TEST_CASE("a call beside one that ignores its stop token can still end") {
  auto pool =
    new_pool("process", {.max = 2, .max_concurrency = 3, .stop_grace = 100ms});
  auto pid = flame::call(pool, pid_after, 0ms);
  auto signal = std::filesystem::temp_directory_path()
                / ("flame-test-" + std::to_string(pid));
  auto beside = flame::async(
    pool,
    [](const std::string& file) {
      while (!std::filesystem::exists(file))
        std::this_thread::sleep_for(1ms);
      return ::getpid();
    },
    signal.string());
  auto stuck = flame::async(pool, {.timeout = 100ms}, ignore_stop_token);
  CHECK(failure_of([&] {
          stuck.get();
        }).code()
        == flame::errc::timeout);
  // New work goes elsewhere once the runner counts as wedged.
  CHECK(eventually([&] {
    return flame::call(pool, pid_after, 0ms) != pid;
  }));
  CHECK(is_running(pid));
  std::ofstream{signal} << '\n';
  CHECK(beside.get() == pid);
  CHECK(eventually([&] {
    return !is_running(pid);
  }));
  std::filesystem::remove(signal);
}

TEST_CASE("a call beside one that ignores its stop token gets drain_timeout") {
  auto pool = new_pool("process", {.max = 1,
                                   .max_concurrency = 2,
                                   .stop_grace = 100ms,
                                   .drain_timeout = 300ms});
  // It ignores nothing where its time is up before the boot is.
  flame::call(pool, pid_after, 0ms);
  auto beside = flame::async(pool, pid_after, 60'000ms);
  auto stuck =
    flame::async(pool, {.timeout = beyond_boot(100ms)}, ignore_stop_token);
  auto queued = flame::async(pool, pid_after, 0ms);
  auto error = failure_of([&] {
    beside.get();
  });
  CHECK(error.code() == flame::errc::runner_lost);
  CHECK(std::string{error.what()}.find("stop_grace") != std::string::npos);
  CHECK(failure_of([&] {
          stuck.get();
        }).code()
        == flame::errc::timeout);
  CHECK(queued.get() > 0);
}

TEST_CASE("a local runner with a call that ignores its stop token is left") {
  auto pool =
    new_pool("local", {.max = 1, .max_concurrency = 1, .stop_grace = 50ms});
  auto error = failure_of([&] {
    flame::call(pool, {.timeout = 50ms}, ignore_stop_token);
  });
  CHECK(error.code() == flame::errc::timeout);
  CHECK(flame::call(pool, pid_after, 0ms) == ::getpid());
  CHECK(pool.stats().boots == 2);
  may_end = true;
}

TEST_CASE("a runner of single_use goes after one call, however that ended") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(
      backend,
      {.max = 2, .single_use = true, .idle_shutdown_after = flame::infinite});
    CHECK(pool.options().max_concurrency == 1);
    auto expected = std::size_t{0};
    auto goes = [&] {
      ++expected;
      CHECK(eventually([&] {
        return pool.stats().retired == expected;
      }));
      CHECK(pool.stats().boots == expected);
    };
    CHECK(flame::call(pool, pid_after, 0ms) > 0);
    goes();
    CHECK(failure_of([&] {
            flame::call(pool, [] {
              throw std::runtime_error("no ink");
            });
          }).code()
          == flame::errc::remote_exception);
    goes();
    CHECK(failure_of([&] {
            flame::call(pool, {.timeout = beyond_boot(100ms)}, until_stopped);
          }).code()
          == flame::errc::timeout);
    goes();
    CHECK(pool.stats().lost == 0);
  });
}

TEST_CASE("a runner survives a call that returns, throws or times out") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1, .max_concurrency = 1});
    flame::call(pool, pid_after, 0ms);
    CHECK_THROWS_AS(flame::call(pool,
                                [] {
                                  throw std::runtime_error("no ink");
                                }),
                    flame::call_error);
    CHECK_THROWS_AS(flame::call(pool, {.timeout = 100ms}, until_stopped),
                    flame::call_error);
    CHECK(flame::call(pool, pid_after, 0ms) > 0);
    CHECK(pool.stats().boots == 1);
    CHECK(pool.stats().lost + pool.stats().retired == 0);
  });
}

TEST_CASE("callers of single_use get a process each, all are served") {
  auto pool = new_pool("process", {.max = 3, .single_use = true});
  std::vector<std::future<int>> calls;
  for (int i = 0; i < 12; ++i)
    calls.push_back(flame::async(pool, pid_after, 1ms));
  std::set<int> pids;
  for (auto& each : calls)
    pids.insert(each.get());
  CHECK(pids.size() == 12);
}

TEST_CASE("a runner of single_use goes after one child") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(
      backend,
      {.max = 1, .single_use = true, .idle_shutdown_after = flame::infinite});
    node().system().spawn([=](caf::event_based_actor* self) -> caf::behavior {
      auto ends_at_once = [](caf::event_based_actor*) -> caf::behavior {
        return {};
      };
      flame::place_child(self, pool, ends_at_once)
        .then([](const caf::actor&) {}, [](const flame::call_error&) {});
      return {};
    });
    CHECK(eventually([&] {
      return pool.stats().retired == 1;
    }));
    CHECK(pool.stats().lost == 0);
  });
}

TEST_CASE("runners of min go after min_idle_shutdown_after and come back") {
  on_each_backend([](const std::string& backend) {
    auto pool =
      new_pool(backend, {.min = 2, .max = 2, .min_idle_shutdown_after = 50ms});
    CHECK(eventually([&] {
      return pool.stats().retired == 2;
    }));
    CHECK(flame::call(pool, pid_after, 0ms) > 0);
    CHECK(eventually([&] {
      return pool.stats().boots == 4;
    }));
    CHECK(pool.stats().lost == 0);
  });
}

TEST_CASE("three casts where two find a place grow a pool exactly twice") {
  on_each_backend([](const std::string& backend) {
    auto starts = std::make_shared<std::atomic<int>>(0);
    auto done = std::make_shared<std::atomic<int>>(0);
    flame::pool_options options{.max = 2, .max_concurrency = 1};
    options.on_grow_start = [=](const flame::runner_info&) {
      ++*starts;
    };
    options.on_grow_end = [=](const flame::runner_info&,
                              const flame::call_error* why) {
      *done += why ? 100 : 1;
    };
    auto pool = new_pool(backend, options);
    for (int i = 0; i < 3; ++i)
      flame::cast(pool, pid_after, 300ms);
    CHECK(eventually([&] {
      return pool.stats().boots == 2 && pool.stats().in_use == 0;
    }));
    CHECK(*starts == 2);
    CHECK(*done == 2);
  });
}

TEST_CASE("a cast that fails is told to on_cast_error, which may throw") {
  on_each_backend([](const std::string& backend) {
    struct notes {
      std::mutex mutex;
      std::vector<flame::call_error> errors;
    };
    auto kept = std::make_shared<notes>();
    flame::pool_options options{.max = 1, .log = "off"};
    options.on_cast_error = [=](const flame::call_error& error) {
      std::lock_guard guard{kept->mutex};
      kept->errors.push_back(error);
      throw std::runtime_error("the hook is broken");
    };
    auto pool = new_pool(backend, options);
    for (int i = 0; i < 2; ++i)
      flame::cast(pool, [] {
        throw std::runtime_error("no ink");
      });
    flame::cast(pool, [] {});
    CHECK(eventually([&] {
      std::lock_guard guard{kept->mutex};
      return kept->errors.size() == 2;
    }));
    CHECK(flame::call(pool, pid_after, 0ms) > 0);
    std::lock_guard guard{kept->mutex};
    CHECK(kept->errors.size() == 2);
    CHECK(kept->errors[0].code() == flame::errc::remote_exception);
    CHECK(kept->errors[0].runner() == pool.name() + "-1");
    CHECK(std::string{kept->errors[0].what()}.find("no ink")
          != std::string::npos);
  });
}

TEST_CASE("an on_cast_error that takes its time delays no call") {
  static std::atomic<bool> may_go_on = false;
  static std::atomic<bool> has_begun = false;
  flame::pool_options options{.max = 1, .log = "off"};
  options.on_cast_error = [](const flame::call_error&) {
    has_begun = true;
    while (!may_go_on)
      std::this_thread::sleep_for(1ms);
  };
  auto pool = new_pool("process", options);
  flame::cast(pool, [] {
    throw std::runtime_error("no ink");
  });
  CHECK(eventually([] {
    return has_begun.load();
  }));
  CHECK(flame::async(pool, pid_after, 0ms).get() > 0);
  may_go_on = true;
}
