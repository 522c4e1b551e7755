#include <algorithm>
#include <future>
#include <thread>
#include <vector>

#include <csignal>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/processes.hpp"
#include "support/sanitizers.hpp"
#include "support/test_main.hpp"

using namespace std::chrono_literals;
using namespace tests;

namespace {

using steady = std::chrono::steady_clock;

void work_without_end() {
  for (;;)
    std::this_thread::sleep_for(1s);
}

/// Milliseconds from the kill of a runner to the failure of the call there.
/// @param begin begins a call of `work_without_end`
template <class F>
std::vector<double> times_to_learn(const flame::pool& pool, F begin) {
  std::vector<double> result;
  for (int round = 0; round < 9; ++round) {
    auto pid = flame::call(pool, [] {
      return ::getpid();
    });
    std::future<void> doomed = begin();
    REQUIRE(eventually([&] {
      return pool.stats().in_use == 1;
    }));
    auto killed = steady::now();
    ::kill(pid, SIGKILL);
    auto error = failure_of([&] {
      doomed.get();
    });
    result.push_back(
      std::chrono::duration<double, std::milli>(steady::now() - killed)
        .count());
    CHECK(error.code() == flame::errc::runner_lost);
    CHECK(std::string{error.what()}.find("killed by signal 9")
          != std::string::npos);
  }
  return result;
}

/// Not the mean: a machine that is busy elsewhere may delay any one of them.
double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  auto result = values[values.size() / 2];
  MESSAGE("median " << result << " ms");
  return result;
}

constexpr double soon = has_sanitizer ? 500.0 : 50.0;

using printing_atom = caf::atom_constant<caf::atom("printing")>;

/// Prints faster than anybody can read, and says so once that is the case.
void print_without_end(std::stop_token stop, const caf::actor& listener) {
  // So much is in the pipe that it is not empty before there is more.
  ::fcntl(STDOUT_FILENO, F_SETPIPE_SZ, 1 << 20);
  std::string text(64 << 10, '\n');
  for (int i = 0; !stop.stop_requested(); ++i) {
    if (::write(STDOUT_FILENO, text.data(), text.size()) < 0)
      return;
    if (i == 16)
      caf::anon_send(listener, printing_atom::value);
  }
}

/// As in a program that does not care for its children.
class ignoring_children {
public:
  ignoring_children() {
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGCHLD, &ignore, &before_);
  }

  ~ignoring_children() {
    ::sigaction(SIGCHLD, &before_, nullptr);
  }

private:
  struct sigaction before_ {};
};

} // namespace

void tests::configure(flame::node_options&) {
  // nop
}

TEST_CASE("a future learns of its killed runner, with the signal, in 50 ms") {
  auto pool = new_pool("process");
  auto took = times_to_learn(pool, [&] {
    return flame::async(pool, work_without_end);
  });
  CHECK(median(took) < soon);
}

TEST_CASE("a blocking caller learns of it within 50 ms too") {
  auto pool = new_pool("process");
  auto took = times_to_learn(pool, [&] {
    return std::async(std::launch::async, [&] {
      flame::call(pool, work_without_end);
    });
  });
  CHECK(median(took) < soon);
}

TEST_CASE("a blocking caller whose function ends its runner knows so") {
  auto pool = new_pool("process");
  for (int round = 0; round < 20; ++round) {
    auto error = failure_of([&] {
      flame::call(pool, [] {
        ::kill(::getpid(), SIGKILL);
      });
    });
    CHECK(error.code() == flame::errc::runner_lost);
  }
  CHECK(eventually([&] {
    return pool.stats().lost == 20;
  }));
}

TEST_CASE("what a runner has started ends with it") {
  auto pool = new_pool("process");
  auto child = flame::call(pool, [] {
    auto pid = ::fork();
    if (pid == 0) {
      // Should nobody end it, it does not stay for ever.
      ::alarm(60);
      ::pause();
      ::_exit(0);
    }
    return pid;
  });
  auto runner = flame::call(pool, [] {
    return ::getpid();
  });
  REQUIRE(is_running(child));
  ::kill(runner, SIGKILL);
  CHECK(eventually([&] {
    return !is_running(child);
  }));
}

TEST_CASE("a function that prints without end does not keep other pools") {
  caf::scoped_actor self{node().system()};
  auto noisy =
    new_pool("process", {.max = 1, .shutdown_timeout = 2s, .log = "off"});
  auto printing =
    flame::async(noisy, {.timeout = 60s}, print_without_end, caf::actor{self});
  auto is_printing = false;
  self->receive(
    [&](printing_atom) {
      is_printing = true;
    },
    caf::after(20s) >> [] {});
  REQUIRE(is_printing);
  auto other = new_pool("process", {.timeout = 20s});
  auto answer = flame::try_call(other, [] {
    return 1;
  });
  CHECK(answer == 1);
  CHECK(noisy.stats().in_use == 1);
  // Which sets the function's stop token.
  noisy.shutdown();
  CHECK(printing.wait_for(20s) == std::future_status::ready);
}

TEST_CASE("in a program that ignores SIGCHLD, a lost runner has no status") {
  ignoring_children ignoring;
  auto pool = new_pool("process");
  auto error = failure_of([&] {
    flame::call(pool, [] {
      ::_exit(3);
    });
  });
  std::string text = error.what();
  CAPTURE(text);
  CHECK(error.code() == flame::errc::runner_lost);
  CHECK(text.find("how is not known") != text.npos);
  CHECK(text.find("it ignores SIGCHLD") != text.npos);
  CHECK(text.find("exit status") == text.npos);
  CHECK(flame::call(pool,
                    [] {
                      return 1;
                    })
        == 1);
}

TEST_CASE("another program is refused, with both builds in the message") {
  flame::pool_options options;
  options.timeout = 20s;
  options.backend = {"process", {{"executable", OTHER_PROGRAM}}};
  auto pool = node().pool("different", options);
  auto error = failure_of([&] {
    flame::call(pool, [] {});
  });
  std::string text = error.what();
  CAPTURE(text);
  CHECK(error.code() == flame::errc::different_program);
  CHECK(text.find("faults_test") != text.npos);
  CHECK(text.find("other_program") != text.npos);
}

TEST_CASE("neither parent nor runner has a socket that others could reach") {
  auto pool = new_pool("process", {.min = 2, .max = 2});
  flame::call(pool, [] {});
  auto runner = flame::call(pool, [] {
    return ::getpid();
  });
  CHECK(socket_inodes(runner).size() >= 2);
  CHECK(reachable_sockets(runner) == std::vector<std::string>{});
  CHECK(reachable_sockets(::getpid()) == std::vector<std::string>{});
}

TEST_CASE("a runner inherits its connections and no other descriptor") {
  // Descriptors of the parent without close-on-exec, as libraries leave them.
  int leaked[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, leaked) == 0);
  auto ours = socket_inodes(::getpid());
  auto pool = new_pool("process");
  auto theirs = socket_inodes(flame::call(pool, [] {
    return ::getpid();
  }));
  for (auto& inode : theirs)
    CHECK(std::count(ours.begin(), ours.end(), inode) == 0);
  ::close(leaked[0]);
  ::close(leaked[1]);
}

TEST_CASE("a runner that does not read costs its parent one call's payload") {
  auto pool = new_pool("process", {.max = 1, .max_concurrency = 8});
  auto pid = flame::call(pool, [] {
    return ::getpid();
  });
  std::string big(32 << 20, 'x');
  ::kill(pid, SIGSTOP);
  REQUIRE(eventually([&] {
    return is_stopped(pid);
  }));
  auto before = resident_kib();
  std::vector<std::jthread> callers;
  for (int i = 0; i < 4; ++i)
    callers.emplace_back([&] {
      auto error = failure_of([&] {
        flame::call(
          pool, {.timeout = 500ms}, [](const std::string&) {}, big);
      });
      CHECK(error.code() == flame::errc::timeout);
    });
  callers.clear();
  auto after = resident_kib();
  ::kill(pid, SIGCONT);
  // Each caller has its own encoded payload, and nothing comes on top.
  CHECK(after < before + 4 * (32 << 10) + (16 << 10));
  CHECK(eventually([&] {
    return pool.stats().in_use == 0;
  }));
}

TEST_CASE("a stopped runner costs a caller its timeout and no more") {
  auto pool = new_pool("process", {.max = 1});
  auto pid = flame::call(pool, [] {
    return ::getpid();
  });
  ::kill(pid, SIGSTOP);
  REQUIRE(eventually([&] {
    return is_stopped(pid);
  }));
  auto begin = steady::now();
  CHECK(failure_of([&] {
          flame::call(pool, {.timeout = 100ms}, [] {});
        }).code()
        == flame::errc::timeout);
  CHECK(steady::now() - begin < 5s);
  ::kill(pid, SIGCONT);
  CHECK(flame::call(pool,
                    [] {
                      return 1;
                    })
        == 1);
}

TEST_CASE("runners that are killed under load fail their own calls only") {
  auto pool = new_pool("process", {.max = 3, .max_concurrency = 2});
  std::atomic<bool> is_over = false;
  std::atomic<int> returned = 0;
  std::atomic<int> lost = 0;
  std::atomic<int> other = 0;
  std::vector<std::jthread> callers;
  for (int i = 0; i < 6; ++i)
    callers.emplace_back([&] {
      while (!is_over) {
        try {
          flame::call(pool, [] {
            std::this_thread::sleep_for(1ms);
          });
          ++returned;
        } catch (const flame::call_error& error) {
          (error.code() == flame::errc::runner_lost ? lost : other) += 1;
        }
      }
    });
  for (int kills = 0; kills < 30;) {
    // This call may itself be on the runner that was killed last.
    auto pid = flame::try_call(pool, [] {
      return ::getpid();
    });
    if (!pid)
      continue;
    ::kill(*pid, SIGKILL);
    ++kills;
  }
  is_over = true;
  callers.clear();
  CHECK(other == 0);
  CHECK(returned > 0);
  // Two slots each: a kill costs at most the calls that were on the runner.
  CHECK(lost <= 60);
  CHECK(flame::call(pool,
                    [] {
                      return 1;
                    })
        == 1);
}

TEST_CASE("boots and ends leave no descriptor, thread or process behind") {
  auto count = [](const char* what) {
    return std::distance(
      std::filesystem::directory_iterator{std::string{"/proc/self/"} + what},
      std::filesystem::directory_iterator{});
  };
  auto pool = new_pool(
    "process", {.max = 4, .max_concurrency = 1, .idle_shutdown_after = 1ms});
  auto one_round = [&] {
    std::vector<std::future<int>> calls;
    for (int i = 0; i < 4; ++i)
      calls.push_back(flame::async(pool, [] {
        return ::getpid();
      }));
    std::vector<int> pids;
    for (auto& each : calls)
      pids.push_back(each.get());
    CHECK(eventually([&] {
      auto now = pool.stats();
      return now.runners + now.booting == 0 && now.boots == now.retired;
    }));
    for (auto pid : pids)
      CHECK_FALSE(is_running(pid));
  };
  one_round();
  auto fds = count("fd");
  auto threads = count("task");
  for (int i = 0; i < 15; ++i)
    one_round();
  CHECK(eventually([&] {
    return count("fd") <= fds;
  }));
  CHECK(eventually([&] {
    return count("task") <= threads;
  }));
}
