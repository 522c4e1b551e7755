#include <array>
#include <complex>
#include <filesystem>
#include <fstream>
#include <latch>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <thread>
#include <variant>

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/processes.hpp"
#include "support/sanitizers.hpp"
#include "support/test_main.hpp"

using namespace std::chrono_literals;
using namespace tests;

namespace {

struct point {
  int x = 0;
  int y = 0;

  bool operator==(const point&) const = default;
};

struct shape {
  std::string name;
  std::vector<point> corners;
  std::optional<double> area;
  std::map<std::string, std::vector<int>> tags;

  bool operator==(const shape&) const = default;
};

class account {
public:
  account() = default;

  explicit account(std::string owner) : owner_(std::move(owner)) {
    // nop
  }

  const std::string& owner() const {
    return owner_;
  }

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, account& x) {
    return f(caf::meta::type_name("account"), x.owner_, x.balance_);
  }

private:
  std::string owner_;
  std::int64_t balance_ = 0;
};

enum class colour { red, green, blue };

/// Moves only.
struct parcel {
  std::unique_ptr<std::string> content;
};

/// A callable that is an object with state.
struct adder {
  int much = 0;

  int operator()(int x) const {
    return x + much;
  }

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, adder& x) {
    return f(caf::meta::type_name("adder"), x.much);
  }
};

int twice(int x) {
  return 2 * x;
}

struct own_exception : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A file that a function on a runner makes when it has come to some point.
class flag_file {
public:
  flag_file() {
    static int count = 0;
    path_ = std::filesystem::temp_directory_path()
            / ("flame-test-" + std::to_string(::getpid()) + "-"
               + std::to_string(++count));
  }

  ~flag_file() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }

  std::string path() const {
    return path_.string();
  }

  bool wait() const {
    return eventually([this] {
      return std::filesystem::exists(path_);
    });
  }

private:
  std::filesystem::path path_;
};

void raise_flag(const std::string& path) {
  std::ofstream{path} << "here";
}

/// The signals that the calling thread blocks.
std::vector<int> blocked_signals() {
  sigset_t mask;
  pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  std::vector<int> result;
  for (int signal = 1; signal < SIGRTMAX; ++signal)
    if (sigismember(&mask, signal) == 1)
      result.push_back(signal);
  return result;
}

/// Sums up, over all threads of this process, the signals that are blocked.
std::uint64_t signals_blocked_anywhere() {
  std::uint64_t result = 0;
  for (auto& task : std::filesystem::directory_iterator{"/proc/self/task"}) {
    std::ifstream file{task.path() / "status"};
    for (std::string line; std::getline(file, line);)
      if (line.starts_with("SigBlk:"))
        result |= std::stoull(line.substr(7), nullptr, 16);
  }
  return result;
}

/// How a program ends that is started as programs are by default, and sent
/// SIGTERM.
int status_after_sigterm() {
  std::string name = "sleep";
  std::string time = "5";
  char* argv[] = {name.data(), time.data(), nullptr};
  pid_t pid = -1;
  if (posix_spawnp(&pid, "sleep", nullptr, nullptr, argv, environ) != 0)
    return -1;
  ::kill(pid, SIGTERM);
  int status = -1;
  ::waitpid(pid, &status, 0);
  return status;
}

/// Counts a flag file's bytes.
void wait_for_stop(std::stop_token stop, const std::string& path) {
  raise_flag(path);
  while (!stop.stop_requested())
    std::this_thread::sleep_for(1ms);
}

/// Decoding it on the parent waits for a gate, where there is one.
struct slow_to_decode {
  std::string text;

  static inline std::atomic<std::atomic<bool>*> gate = nullptr;

  template <class Inspector>
  friend auto inspect(Inspector& f, slow_to_decode& x) {
    if (!flame::parent() && Inspector::reads_state == false)
      while (gate && !*gate)
        std::this_thread::sleep_for(1ms);
    return f(caf::meta::type_name("slow"), x.text);
  }
};

} // namespace

TEST_CASE("a call returns what the function returns") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    CHECK(flame::call(pool,
                      [] {
                        return 42;
                      })
          == 42);
    CHECK(flame::call(
            pool,
            [](int a, int b) {
              return a * b;
            },
            6, 7)
          == 42);
    flame::call(pool, [] {});
  });
}

TEST_CASE("a process runner is another process, and a local one is not") {
  auto here = ::getpid();
  CHECK(flame::call(new_pool("local"),
                    [] {
                      return ::getpid();
                    })
        == here);
  auto pool = new_pool("process");
  CHECK(flame::call(pool,
                    [] {
                      return ::getpid();
                    })
        != here);
  CHECK(flame::call(pool,
                    [] {
                      return ::getppid();
                    })
        == here);
}

TEST_CASE("functions, objects and lambdas with plain captures are shipped") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    CHECK(flame::call(pool, twice, 21) == 42);
    CHECK(flame::call(pool, &twice, 4) == 8);
    CHECK(flame::call(pool, adder{40}, 2) == 42);
    int much = 30;
    auto where = point{3, 4};
    CHECK(flame::call(
            pool,
            [much, where](int x) {
              return much + x + where.y;
            },
            8)
          == 42);
  });
}

TEST_CASE("values of every kind arrive as they were") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    auto echo = [&](const auto& value) {
      using type = std::decay_t<decltype(value)>;
      return flame::call(
               pool,
               [](type x) {
                 return x;
               },
               value)
             == value;
    };
    CHECK(echo(shape{"triangle",
                     {{0, 0}, {1, 0}, {0, 1}},
                     0.5,
                     {{"flat", {1, 2}}, {"none", {}}}}));
    CHECK(echo(std::vector<shape>{}));
    CHECK(echo(std::string{}));
    CHECK(echo(std::map<int, std::string>{{1, "one"}, {2, ""}}));
    CHECK(echo(std::optional<int>{}));
    CHECK(echo(std::optional<point>{point{1, 2}}));
    CHECK(echo(std::variant<int, std::string>{"text"}));
    CHECK(echo(std::tuple<int, std::string, bool>{1, "two", true}));
    CHECK(echo(colour::blue));
    CHECK(echo(std::chrono::milliseconds{1500}));
    CHECK(echo(std::array<int, 3>{1, 2, 3}));
    CHECK(flame::call(
            pool,
            [](const account& x) {
              return x.owner();
            },
            account{"ada"})
          == "ada");
  });
}

TEST_CASE("text that the caller owns arrives as a string") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    std::string_view view = "view";
    CHECK(flame::call(
            pool,
            [](std::string_view a, const std::string& b) {
              return std::string{a} + b;
            },
            "literal ", view)
          == "literal view");
  });
}

TEST_CASE("values that only move travel both ways") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    parcel sent{std::make_unique<std::string>("a book")};
    auto back = flame::call(
      pool,
      [](parcel it) {
        *it.content += ", read";
        return it;
      },
      std::move(sent));
    REQUIRE(back.content);
    CHECK(*back.content == "a book, read");
  });
}

// ThreadSanitizer takes a minute for it.
TEST_CASE("100 MB travel both ways" * doctest::skip(has_thread_sanitizer)) {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.timeout = 5min});
    std::vector<double> data(100'000'000 / sizeof(double));
    std::iota(data.begin(), data.end(), 0.0);
    auto back = flame::call(
      pool,
      [](std::vector<double> it) {
        it.front() = it.back();
        return it;
      },
      data);
    REQUIRE(back.size() == data.size());
    CHECK(back.front() == data.back());
    CHECK(back[12'345'678] == data[12'345'678]);
  });
}

TEST_CASE("an exception arrives with its type and its message") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    auto error = failure_of([&] {
      flame::call(pool, [] {
        throw own_exception{"out of ink"};
      });
    });
    CHECK(error.code() == flame::errc::remote_exception);
    CHECK(std::string{error.what()} == "out of ink");
    CHECK(error.remote_type().find("own_exception") != std::string::npos);
    CHECK(error.runner() == pool.name() + "-1");
    // The runner and the lane go on.
    CHECK(flame::call(pool,
                      [] {
                        return 1;
                      })
          == 1);
    CHECK(pool.stats().boots == 1);
  });
}

TEST_CASE("try_call gives the failure as a value") {
  auto pool = new_pool("local");
  auto good = flame::try_call(pool, [] {
    return 5;
  });
  REQUIRE(good);
  CHECK(*good == 5);
  auto bad = flame::try_call(pool, []() -> int {
    throw own_exception{"no"};
  });
  REQUIRE_FALSE(bad);
  CHECK(flame::code_of(bad.error()) == flame::errc::remote_exception);
  CHECK(flame::describe(bad.error()) == "remote_exception: no");
  CHECK(flame::call_error{bad.error()}.runner() == pool.name() + "-1");
}

TEST_CASE("async returns a future at once, for values and failures") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 2, .max_concurrency = 4});
    std::vector<std::future<int>> results;
    for (int i = 0; i < 50; ++i)
      results.push_back(flame::async(
        pool,
        [](int x) {
          return x * x;
        },
        i));
    auto bad = flame::async(pool, [] {
      throw own_exception{"later"};
    });
    for (int i = 0; i < 50; ++i)
      CHECK(results[static_cast<std::size_t>(i)].get() == i * i);
    CHECK(failure_of([&] {
            bad.get();
          }).code()
          == flame::errc::remote_exception);
  });
}

TEST_CASE("a cast runs and nobody waits for it") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    flag_file done;
    flame::cast(pool, raise_flag, done.path());
    CHECK(done.wait());
    flame::cast(pool, [] {
      throw own_exception{"nobody cares"};
    });
    CHECK(flame::call(pool,
                      [] {
                        return 1;
                      })
          == 1);
  });
}

TEST_CASE("a long result that takes its time to decode delays no other") {
  auto pool = new_pool("process", {.max = 1});
  static std::atomic<bool> may_go_on = false;
  flame::call(pool, [] {});
  slow_to_decode::gate = &may_go_on;
  auto slow = flame::async(pool, [] {
    return slow_to_decode{std::string(1'000'000, 'x')};
  });
  CHECK(flame::async(pool,
                     [] {
                       return 1;
                     })
          .get()
        == 1);
  may_go_on = true;
  CHECK(slow.get().text.size() == 1'000'000);
}

TEST_CASE("an answer counts that came before its runner was lost") {
  // The answer is in the socket when the runner is gone, and this thread has
  // not looked: it is stopped in the decoding of another one.
  auto pool = new_pool("process", {.max = 1});
  flame::call(pool, [] {});
  static std::atomic<bool> may_go_on = false;
  may_go_on = false;
  slow_to_decode::gate = &may_go_on;
  auto first = flame::async(pool, [] {
    return slow_to_decode{"short"};
  });
  auto second = flame::async(pool, [] {
    std::thread{[] {
      std::this_thread::sleep_for(50ms);
      ::kill(::getpid(), SIGKILL);
    }}.detach();
    return 42;
  });
  CHECK(eventually([&] {
    return pool.stats().lost == 1;
  }));
  may_go_on = true;
  CHECK(first.get().text == "short");
  CHECK(second.get() == 42);
}

TEST_CASE("blocking callers on many threads get their own results") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 2, .max_concurrency = 4});
    std::atomic<int> wrong = 0;
    std::vector<std::jthread> callers;
    for (int t = 0; t < 16; ++t)
      callers.emplace_back([&, t] {
        for (int i = 0; i < 200; ++i)
          if (flame::call(
                pool,
                [](int a, int b) {
                  return a * 1000 + b;
                },
                t, i)
              != t * 1000 + i)
            ++wrong;
      });
    callers.clear();
    CHECK(wrong == 0);
    CHECK(pool.stats().in_use == 0);
    CHECK(pool.stats().queued == 0);
  });
}

TEST_CASE("a call that takes too long fails with timeout, and is stopped") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1, .max_concurrency = 1});
    flame::call(pool, [] {});
    flag_file started;
    auto begin = std::chrono::steady_clock::now();
    auto error = failure_of([&] {
      flame::call(pool, {.timeout = 50ms}, wait_for_stop, started.path());
    });
    auto took = std::chrono::steady_clock::now() - begin;
    CHECK(error.code() == flame::errc::timeout);
    CHECK(took >= 50ms);
    CHECK(took < 5s);
    CHECK(error.runner() == pool.name() + "-1");
    // The function saw its stop token, so the only slot comes free.
    CHECK(flame::call(pool,
                      [] {
                        return 1;
                      })
          == 1);
    CHECK(eventually([&] {
      return pool.stats().in_use == 0;
    }));
  });
}

TEST_CASE("a slot is not free while a function that timed out still runs") {
  auto pool = new_pool("process", {.max = 1, .max_concurrency = 1});
  flag_file may_end;
  flame::call(pool, [] {});
  auto error = failure_of([&] {
    flame::call(
      pool, {.timeout = 20ms},
      [](const std::string& path) {
        while (!std::filesystem::exists(path))
          std::this_thread::sleep_for(1ms);
      },
      may_end.path());
  });
  CHECK(error.code() == flame::errc::timeout);
  CHECK(pool.stats().in_use == 1);
  auto queued = failure_of([&] {
    flame::call(pool, {.timeout = 20ms}, [] {});
  });
  CHECK(queued.code() == flame::errc::timeout);
  CHECK(queued.runner().empty());
  raise_flag(may_end.path());
  CHECK(flame::call(pool,
                    [] {
                      return 1;
                    })
        == 1);
}

TEST_CASE("one timeout covers queue and execution") {
  auto pool = new_pool("local", {.max = 1, .max_concurrency = 1});
  flag_file started;
  auto first = flame::async(
    pool, {.timeout = 10s},
    [](std::stop_token stop, const std::string& path) {
      wait_for_stop(stop, path);
    },
    started.path());
  REQUIRE(started.wait());
  auto begin = std::chrono::steady_clock::now();
  CHECK(failure_of([&] {
          flame::call(pool, {.timeout = 30ms}, [] {});
        }).code()
        == flame::errc::timeout);
  CHECK(std::chrono::steady_clock::now() - begin < 5s);
  CHECK(pool.stats().queued == 0);
  pool.shutdown();
  CHECK_NOTHROW(first.get());
}

TEST_CASE("a full queue refuses the next caller") {
  auto pool =
    new_pool("local", {.max = 1, .max_concurrency = 1, .max_queue = 2});
  flag_file started;
  auto busy = flame::async(pool, wait_for_stop, started.path());
  REQUIRE(started.wait());
  auto second = flame::async(pool, [] {
    return 2;
  });
  auto third = flame::async(pool, [] {
    return 3;
  });
  auto error = failure_of([&] {
    flame::call(pool, [] {});
  });
  CHECK(error.code() == flame::errc::queue_full);
  pool.shutdown();
  CHECK_NOTHROW(busy.get());
  CHECK(failure_of([&] {
          second.get();
        }).code()
        == flame::errc::pool_closed);
  CHECK(failure_of([&] {
          third.get();
        }).code()
        == flame::errc::pool_closed);
}

TEST_CASE("arguments and results longer than max_message are refused") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max_message = 100'000});
    CHECK(failure_of([&] {
            flame::call(
              pool, [](const std::string&) {}, std::string(200'000, 'x'));
          }).code()
          == flame::errc::message_too_large);
    CHECK(failure_of([&] {
            flame::call(pool, [] {
              return std::string(200'000, 'x');
            });
          }).code()
          == flame::errc::message_too_large);
    CHECK(flame::call(pool,
                      [] {
                        return std::string(90'000, 'x');
                      })
            .size()
          == 90'000);
  });
}

TEST_CASE("a thread does not keep the memory of its largest request") {
  std::string big(64 << 20, 'x');
  auto limit = resident_kib() + (16 << 10);
  auto pool = new_pool("process");
  flame::call(
    pool, [](const std::string&) {}, big);
  CHECK(resident_kib() < limit);
  auto narrow = new_pool("process", {.max_message = 1 << 20});
  CHECK(failure_of([&] {
          flame::call(
            narrow, [](const std::string&) {}, big);
        }).code()
        == flame::errc::message_too_large);
  CHECK(resident_kib() < limit);
}

// ThreadSanitizer has some of its own for each byte.
TEST_CASE("a request takes no memory of its parent while its function runs"
          * doctest::skip(has_thread_sanitizer)) {
  std::string big(64 << 20, 'x');
  auto limit = resident_kib() + (16 << 10);
  auto pool = new_pool("process");
  flag_file started;
  flag_file may_end;
  std::jthread caller{[&] {
    flame::call(
      pool,
      [](const std::string&, const std::string& here, const std::string& end) {
        raise_flag(here);
        while (!std::filesystem::exists(end))
          std::this_thread::sleep_for(1ms);
      },
      big, started.path(), may_end.path());
  }};
  CHECK(started.wait());
  CHECK(resident_kib() < limit);
  raise_flag(may_end.path());
}

TEST_CASE("a nested call on a runner runs in place") {
  auto pool = new_pool("process");
  auto [outer, inner] = flame::call(pool, [] {
    auto own = flame::this_node()->pool("nested");
    return std::pair{::getpid(), flame::call(own, [] {
                       return ::getpid();
                     })};
  });
  CHECK(outer == inner);
  CHECK(outer != ::getpid());
}

TEST_CASE("a runner knows its parent, and a parent has none") {
  CHECK(flame::parent() == nullptr);
  auto pool = new_pool("process");
  auto [pool_name, runner, pid, is_runner] = flame::call(pool, [] {
    auto* parent = flame::parent();
    return std::tuple{parent->pool, parent->runner, parent->pid,
                      flame::this_node()->is_runner()};
  });
  CHECK(pool_name == pool.name());
  CHECK(runner == pool.name() + "-1");
  CHECK(pid == ::getpid());
  CHECK(is_runner);
}

TEST_CASE("the environment of a runner tells nothing about its connections") {
  auto pool = new_pool("process");
  CHECK(flame::call(pool, [] {
    return ::getenv("FLAME_RUNNER") == nullptr;
  }));
}

TEST_CASE("a function runs with the signals blocked that the program blocks") {
  auto ours = blocked_signals();
  CHECK(flame::call(new_pool("local"), blocked_signals) == ours);
  CHECK(flame::call(new_pool("process"), blocked_signals)
        == std::vector<int>{});
}

TEST_CASE("SIGTERM ends a program that a function has started") {
  on_each_backend([](const std::string& backend) {
    auto status = flame::call(new_pool(backend), status_after_sigterm);
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGTERM);
  });
}

// ThreadSanitizer has a thread that blocks all.
TEST_CASE("no thread blocks the signals that tell it of a fault of its own"
          * doctest::skip(has_thread_sanitizer)) {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    std::uint64_t faults = 0;
    for (int fault :
         {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS})
      faults |= std::uint64_t{1} << (fault - 1);
    // A thread that is starting another one blocks all for this moment.
    CHECK(eventually([&] {
      return (flame::call(pool, signals_blocked_anywhere) & faults) == 0;
    }));
  });
}

TEST_CASE("a function that writes to a closed pipe does not end its runner") {
  auto pool = new_pool("process");
  auto error = flame::call(pool, [] {
    int ends[2];
    if (::pipe(ends) != 0)
      return 0;
    ::close(ends[0]);
    auto written = ::write(ends[1], "x", 1);
    auto result = written < 0 ? errno : 0;
    ::close(ends[1]);
    return result;
  });
  CHECK(error == EPIPE);
  CHECK(pool.stats().lost == 0);
}

TEST_CASE("a pool that is shut down refuses calls") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    flame::call(pool, [] {});
    pool.shutdown();
    CHECK(failure_of([&] {
            flame::call(pool, [] {});
          }).code()
          == flame::errc::pool_closed);
    CHECK(pool.stats().runners == 0);
    pool.shutdown();
  });
}

void tests::configure(flame::node_options&) {
  // nop
}
