/// Calls that are isolated in processes of their own.
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <set>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

#include "support/actors.hpp"
#include "support/processes.hpp"
#include "support/sanitizers.hpp"

using namespace std::chrono_literals;
using namespace tests;

namespace {

constexpr auto isolated = flame::isolation::process;

int own_pid() {
  return ::getpid();
}

int parent_pid() {
  return ::getppid();
}

/// Which worker starts there have been in this process.
std::atomic<int> starts = 0;
bool fails_to_start = false;

[[maybe_unused]] const bool is_set = [] {
  on_start_worker = [] {
    ++starts;
    if (fails_to_start || std::getenv("FLAME_TEST_BAD_WORKER"))
      throw std::runtime_error("no database");
  };
  return true;
}();

flame::pool isolated_pool(flame::pool_options options = {}) {
  options.isolation = isolated;
  return new_pool("process", std::move(options));
}

int runner_of(const flame::pool& pool) {
  return flame::call(pool, {.isolation = flame::isolation::thread}, own_pid);
}

bool is_over(int pid) {
  return eventually([=] {
    return !is_running(pid);
  });
}

bool all_free(const flame::pool& pool) {
  return eventually([&] {
    return pool.stats().in_use == 0;
  });
}

/// One of the ways in which a function ends its process.
void crash(int way) {
  std::cerr << "about to crash\nby way " << way << std::endl;
  switch (way) {
    case 0:
      std::raise(SIGSEGV);
      break;
    case 1:
      std::abort();
    case 2:
      std::exit(3);
    case 3:
      ::_exit(0);
    case 4:
      std::raise(SIGKILL);
      break;
    case 5:
      std::thread{[] {
        throw std::runtime_error("nobody catches this");
      }}.join();
      break;
    default:
      break;
  }
}

/// Does not end, whatever it is asked.
void never_ends(const std::string& pid_file) {
  std::ofstream{pid_file} << ::getpid() << std::endl;
  for (volatile bool go_on = true; go_on;)
    continue;
}

/// A file that is gone when this is.
class temporary_file {
public:
  explicit temporary_file(const std::string& name)
    : path_((std::filesystem::temp_directory_path()
             / ("flame-" + name + "-" + std::to_string(::getpid())))
              .string()) {
    std::filesystem::remove(path_);
  }

  ~temporary_file() {
    std::filesystem::remove(path_);
  }

  const std::string& path() const {
    return path_;
  }

  /// The number in it, once there is one.
  int number() const {
    int result = 0;
    REQUIRE(eventually([&] {
      return static_cast<bool>(std::ifstream{path_} >> result);
    }));
    return result;
  }

private:
  std::string path_;
};

} // namespace

void tests::configure(flame::node_options&) {
  // nop
}

TEST_CASE("an isolated call runs in a process beside its runner") {
  auto pool = isolated_pool({.max = 1});
  auto runner = runner_of(pool);
  auto worker = flame::call(pool, own_pid);
  CHECK(worker != runner);
  CHECK(worker != ::getpid());
  // What it was forked from is the runner's.
  auto zygote = flame::call(pool, parent_pid);
  CHECK(zygote != runner);
  CHECK(flame::call(
          pool,
          [](std::vector<std::string> words) {
            return words.size();
          },
          std::vector<std::string>(1000, "word"))
        == 1000);
  auto error = failure_of([&] {
    flame::call(pool, [] {
      throw std::out_of_range("too far");
    });
  });
  CHECK(error.code() == flame::errc::remote_exception);
  CHECK(error.remote_type() == "std::out_of_range");
  // One worker has served them all.
  CHECK(flame::call(pool, own_pid) == worker);
  pool.shutdown();
  CHECK(is_over(runner));
  CHECK(is_over(worker));
  CHECK(is_over(zygote));
}

TEST_CASE("calls of both kinds share a runner, and its slots") {
  auto pool = new_pool("process", {.max = 1, .max_concurrency = 2});
  auto runner = flame::call(pool, own_pid);
  auto worker = flame::call(pool, {.isolation = isolated}, own_pid);
  CHECK(worker != runner);
  for (int i = 0; i < 20; ++i) {
    CHECK(flame::call(pool, own_pid) == runner);
    CHECK(flame::call(pool, {.isolation = isolated}, own_pid) == worker);
  }
  // With every slot in use by threads there is no room for an idle lane.
  auto wait = [](std::stop_token stop) {
    while (!stop.stop_requested())
      std::this_thread::sleep_for(1ms);
  };
  auto first = flame::async(pool, {.timeout = 300ms}, wait);
  auto second = flame::async(pool, {.timeout = 300ms}, wait);
  CHECK(is_over(worker));
  CHECK_THROWS_AS(first.get(), flame::call_error);
  CHECK_THROWS_AS(second.get(), flame::call_error);
}

TEST_CASE("a crash ends its call alone, and says how and with which words") {
  auto pool = isolated_pool({.max = 1});
  auto runner = runner_of(pool);
  std::promise<void> may_end;
  std::vector<std::string> ends{"killed by signal 11", "killed by signal 6",
                                "exit status 3",       "exit status 0",
                                "killed by signal 9",  "killed by signal 6"};
  auto beside = flame::async(pool, [](std::stop_token stop) {
    for (int i = 0; i < 1000 && !stop.stop_requested(); ++i)
      std::this_thread::sleep_for(1ms);
    return ::getpid();
  });
  for (int way = 0; way < static_cast<int>(ends.size()); ++way) {
    CAPTURE(way);
    auto error = failure_of([&] {
      flame::call(pool, crash, way);
    });
    CHECK(error.code() == flame::errc::call_crashed);
    CHECK(error.runner() != "");
    std::string text = error.what();
    CAPTURE(text);
    CHECK(text.find(ends[static_cast<std::size_t>(way)]) != text.npos);
    CHECK(text.find("about to crash") != text.npos);
    CHECK(text.find("by way " + std::to_string(way)) != text.npos);
  }
  CHECK(beside.get() != runner);
  CHECK(runner_of(pool) == runner);
  CHECK(pool.stats().lost == 0);
  CHECK(all_free(pool));
}

TEST_CASE("of 100 calls of which one crashes, 99 return") {
  auto pool = isolated_pool({.max = 2, .max_concurrency = 8});
  std::vector<std::future<int>> results;
  for (int i = 0; i < 100; ++i)
    results.push_back(flame::async(
      pool,
      [](int n) {
        std::this_thread::sleep_for(1ms);
        if (n == 42)
          *static_cast<volatile int*>(nullptr) = n;
        return n;
      },
      i));
  int returned = 0;
  for (int i = 0; i < 100; ++i) {
    auto& result = results[static_cast<std::size_t>(i)];
    if (i == 42)
      CHECK(failure_of([&] {
              result.get();
            }).code()
            == flame::errc::call_crashed);
    else
      returned += result.get() == i ? 1 : 0;
  }
  CHECK(returned == 99);
  CHECK(pool.stats().lost == 0);
}

TEST_CASE("a crash is told to futures, actors and casts, too") {
  std::promise<flame::errc> told;
  auto pool = isolated_pool(
    {.max = 1, .on_cast_error = [&](const flame::call_error& error) {
       told.set_value(error.code());
     }});
  auto future = flame::async(pool, crash, 0);
  CHECK(failure_of([&] {
          future.get();
        }).code()
        == flame::errc::call_crashed);
  auto code =
    in_actor<flame::errc>([=](caf::event_based_actor* self, auto done) {
      flame::call(self, pool, crash, 1)
        .then(
          [=] {
            done(flame::errc{});
          },
          [=](const flame::call_error& error) {
            done(error.code());
          });
    });
  CHECK(code == flame::errc::call_crashed);
  flame::cast(pool, crash, 2);
  CHECK(told.get_future().get() == flame::errc::call_crashed);
  CHECK(pool.stats().lost == 0);
}

TEST_CASE("a worker that has ended between two calls costs none of them") {
  auto pool = isolated_pool({.max = 1, .max_concurrency = 1});
  for (int i = 0; i < 10; ++i) {
    auto worker = flame::call(pool, own_pid);
    ::kill(worker, SIGKILL);
    CHECK(is_over(worker));
    CHECK(flame::call(pool, own_pid) != worker);
    worker = flame::async(pool, own_pid).get();
    ::kill(worker, SIGKILL);
    CHECK(is_over(worker));
    CHECK(flame::async(pool, own_pid).get() != worker);
  }
  CHECK(pool.stats().lost == 0);
}

TEST_CASE("a worker in the place of another is killed alone as any") {
  temporary_file file{"second"};
  auto pool =
    isolated_pool({.max = 1, .max_concurrency = 1, .stop_grace = 100ms});
  auto runner = runner_of(pool);
  auto first = flame::call(pool, own_pid);
  ::kill(first, SIGKILL);
  CHECK(is_over(first));
  auto error = failure_of([&] {
    flame::call(pool, {.timeout = 200ms}, never_ends, file.path());
  });
  CHECK(error.code() == flame::errc::timeout);
  CHECK(is_over(file.number()));
  CHECK(all_free(pool));
  CHECK(runner_of(pool) == runner);
  CHECK(pool.stats().lost == 0);
}

TEST_CASE("a worker that does not end when its lane has ended is killed") {
  auto pool =
    isolated_pool({.max = 1, .stop_grace = 100ms, .max_calls_per_worker = 1});
  // Whoever ends in order flushes this first, and waits for its lock.
  auto worker = flame::call(pool, [] {
    ::flockfile(stdout);
    return ::getpid();
  });
  CHECK(is_over(worker));
  CHECK(pool.stats().lost == 0);
}

TEST_CASE("a program that waits for any child does not wait for the zygote") {
  auto pool = new_pool("process", {.max = 1, .timeout = 10s});
  CHECK(flame::call(pool, [] {
    return ::wait(nullptr) == -1 && errno == ECHILD;
  }));
  CHECK(flame::call(pool, {.isolation = isolated}, own_pid) > 0);
}

TEST_CASE("a worker serves max_calls_per_worker calls") {
  auto pool = isolated_pool({.max = 1, .max_calls_per_worker = 3});
  std::vector<int> workers;
  for (int i = 0; i < 9; ++i)
    workers.push_back(flame::call(pool, own_pid));
  CHECK(std::set<int>(workers.begin(), workers.end()).size() == 3);
  for (std::size_t i = 0; i < 9; ++i)
    CHECK(workers[i] == workers[i - i % 3]);
  for (auto worker : workers)
    CHECK(is_over(worker));
}

TEST_CASE("start_worker runs once in each worker, and not on the runner") {
  auto pool = isolated_pool({.max = 1, .max_calls_per_worker = 2});
  auto count = [] {
    return starts.load();
  };
  CHECK(flame::call(pool, {.isolation = flame::isolation::thread}, count) == 0);
  for (int i = 0; i < 5; ++i)
    CHECK(flame::call(pool, count) == 1);
}

TEST_CASE("a worker that cannot start fails its call, with the reason") {
  ::setenv("FLAME_TEST_BAD_WORKER", "1", 1);
  auto pool = isolated_pool({.max = 1});
  auto error = failure_of([&] {
    flame::call(pool, own_pid);
  });
  ::unsetenv("FLAME_TEST_BAD_WORKER");
  CHECK(error.code() == flame::errc::boot_failed);
  CHECK(std::string{error.what()}.find("no database") != std::string::npos);
  // Calls that are not isolated have nothing to do with it.
  CHECK(runner_of(pool) > 0);
  CHECK(pool.stats().lost == 0);
}

TEST_CASE("a function that does not stop is killed alone") {
  temporary_file file{"worker"};
  auto pool = isolated_pool({.max = 1, .stop_grace = 100ms});
  auto runner = runner_of(pool);
  auto error = failure_of([&] {
    flame::call(pool, {.timeout = 200ms}, never_ends, file.path());
  });
  CHECK(error.code() == flame::errc::timeout);
  auto worker = file.number();
  CHECK(is_over(worker));
  CHECK(all_free(pool));
  CHECK(runner_of(pool) == runner);
  CHECK(pool.stats().lost == 0);
}

TEST_CASE("a worker that is stopped is killed alone, too") {
  temporary_file file{"stopped"};
  auto pool = isolated_pool({.max = 1, .stop_grace = 100ms});
  auto runner = runner_of(pool);
  auto call = flame::async(
    pool, {.timeout = 500ms},
    [](const std::string& path) {
      std::ofstream{path} << ::getpid() << std::endl;
      std::raise(SIGSTOP);
    },
    file.path());
  CHECK(failure_of([&] {
          call.get();
        }).code()
        == flame::errc::timeout);
  CHECK(is_over(file.number()));
  CHECK(all_free(pool));
  CHECK(runner_of(pool) == runner);
}

TEST_CASE("the stop token of an isolated call is set when its time is up") {
  temporary_file file{"token"};
  auto pool = isolated_pool({.max = 1, .max_concurrency = 1});
  // Else its time may be up before it has begun.
  flame::call(pool, [] {});
  auto error = failure_of([&] {
    flame::call(
      pool, {.timeout = 1s},
      [](std::stop_token stop, const std::string& path) {
        while (!stop.stop_requested())
          std::this_thread::sleep_for(1ms);
        std::ofstream{path} << ::getpid() << std::endl;
      },
      file.path());
  });
  CHECK(error.code() == flame::errc::timeout);
  CHECK(file.number() > 0);
  CHECK(all_free(pool));
}

TEST_CASE("an isolated call ends with the actor that made it") {
  auto pool = isolated_pool({.max = 1, .max_concurrency = 1});
  auto actor =
    node().system().spawn([=](caf::event_based_actor* self) -> caf::behavior {
      flame::call(self, pool, [](std::stop_token stop) {
        while (!stop.stop_requested())
          std::this_thread::sleep_for(1ms);
      }).then([] {}, [](const flame::call_error&) {});
      return {[](end_atom) {}};
    });
  CHECK(eventually([&] {
    return pool.stats().in_use == 1;
  }));
  caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  CHECK(all_free(pool));
}

TEST_CASE("a drain stops what runs in workers") {
  auto pool = isolated_pool({.max = 1, .shutdown_timeout = 60s});
  auto call = flame::async(pool, [](std::stop_token stop) {
    while (!stop.stop_requested())
      std::this_thread::sleep_for(1ms);
    return ::getpid();
  });
  CHECK(eventually([&] {
    return pool.stats().in_use == 1;
  }));
  auto begin = std::chrono::steady_clock::now();
  pool.shutdown();
  CHECK(std::chrono::steady_clock::now() - begin < 30s);
  CHECK(is_over(call.get()));
}

// AddressSanitizer has its addresses long before, and no memory is an error.
TEST_CASE("a worker gets no more memory than memory_limit"
          * doctest::skip(has_address_sanitizer)) {
  auto pool = isolated_pool({.max = 1, .memory_limit = std::size_t{100} << 20});
  auto take = [](std::size_t mib) {
    std::string all(mib << 20, 'x');
    return all.size() >> 20;
  };
  CHECK(flame::call(pool, take, 50) == 50);
  auto error = failure_of([&] {
    flame::call(pool, take, 400);
  });
  CHECK(error.code() == flame::errc::remote_exception);
  CHECK(error.remote_type() == "std::bad_alloc");
  CHECK(std::string{error.what()}.find("memory_limit is 100MiB")
        != std::string::npos);
  error = failure_of([&] {
    flame::call(pool, []() noexcept {
      std::string all(std::size_t{400} << 20, 'x');
    });
  });
  CHECK(error.code() == flame::errc::call_crashed);
  CHECK(std::string{error.what()}.find("memory_limit is 100MiB")
        != std::string::npos);
  // Of the others nobody has the limit.
  CHECK(flame::call(pool, {.isolation = flame::isolation::thread}, take, 400)
        == 400);
  CHECK(pool.stats().lost == 0);
}

TEST_CASE("streams can be isolated, and a crash comes after the items before") {
  auto pool = isolated_pool({.max = 1});
  auto sum =
    flame::stream(pool, [](flame::emitter<int>& out, flame::source<int>& in) {
      int total = 0;
      for (int item : in) {
        total += item;
        out(total);
      }
      return ::getpid();
    });
  CHECK(sum.send(1));
  CHECK(sum.next() == 1);
  CHECK(sum.send(2));
  CHECK(sum.next() == 3);
  CHECK(sum.result() != runner_of(pool));
  auto items = flame::stream(pool, [](flame::emitter<int>& out) {
    out(1);
    out(2);
    std::raise(SIGSEGV);
  });
  CHECK(items.next() == 1);
  CHECK(items.next() == 2);
  CHECK(failure_of([&] {
          items.next();
        }).code()
        == flame::errc::call_crashed);
  CHECK(pool.stats().lost == 0);
}

TEST_CASE("a crash in the middle of what is sent is told as one, too") {
  auto pool = isolated_pool({.max = 1});
  auto runner = runner_of(pool);
  // Longer than the socket holds, with a caller who does not read.
  temporary_file file{"middle"};
  auto items = flame::stream(
    pool,
    [](flame::emitter<std::string>& out, const std::string& path) {
      std::ofstream{path} << ::getpid() << std::endl;
      out(std::string(20'000'000, 'x'));
    },
    file.path());
  auto worker = file.number();
  std::this_thread::sleep_for(50ms);
  ::kill(worker, SIGKILL);
  CHECK(failure_of([&] {
          items.next();
        }).code()
        == flame::errc::call_crashed);
  CHECK(runner_of(pool) == runner);
  CHECK(pool.stats().lost == 0);
}

TEST_CASE("actor handles do not travel to a worker, which says so") {
  auto pool = isolated_pool({.max = 1});
  auto actor = node().system().spawn([](caf::event_based_actor*) {
    return caf::behavior{[](end_atom) {}};
  });
  auto error = failure_of([&] {
    flame::call(
      pool, [](const caf::actor&) {}, actor);
  });
  CHECK(error.code() == flame::errc::bad_payload);
  CHECK(std::string{error.what()}.find("isolation: process")
        != std::string::npos);
  // What was encoded is known to CAF until it ends.
  caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  CHECK(flame::call(pool, [] {
    return flame::this_node() == nullptr && flame::parent() != nullptr;
  }));
}

TEST_CASE("the workers of a runner that is lost end with it") {
  auto pool = isolated_pool({.max = 1});
  temporary_file file{"lost"};
  auto runner = runner_of(pool);
  auto call = flame::async(pool, never_ends, file.path());
  auto worker = file.number();
  ::kill(runner, SIGKILL);
  CHECK(failure_of([&] {
          call.get();
        }).code()
        == flame::errc::runner_lost);
  CHECK(is_over(worker));
  CHECK(runner_of(pool) != runner);
}

TEST_CASE("a runner without zygote ends, and is replaced") {
  auto pool = isolated_pool({.max = 1});
  auto runner = runner_of(pool);
  auto zygote = flame::call(pool, parent_pid);
  ::kill(zygote, SIGKILL);
  CHECK(is_over(runner));
  CHECK(eventually([&] {
    return pool.stats().lost == 1;
  }));
  CHECK(flame::call(pool, parent_pid) != zygote);
}

TEST_CASE("isolation needs a backend that starts processes, and says so") {
  auto error = failure_of([] {
    new_pool("local", {.isolation = isolated});
  });
  CHECK(error.code() == flame::errc::invalid_configuration);
  CHECK(std::string{error.what()}.find("process") != std::string::npos);
  auto pool = new_pool("local");
  error = failure_of([&] {
    flame::call(pool, {.isolation = isolated}, own_pid);
  });
  CHECK(error.code() == flame::errc::invalid_configuration);
  CHECK(std::string{error.what()}.find("isolated") != std::string::npos);
}

TEST_CASE("what workers print is the runner's, and fills nobody's buffers") {
  auto pool = isolated_pool({.max = 1, .log = "off"});
  CHECK(flame::call(pool,
                    [] {
                      for (int i = 0; i < 20'000; ++i)
                        std::cerr << "a line of some length, number " << i
                                  << '\n';
                      return 1;
                    })
        == 1);
}

TEST_CASE("workers have no descriptors of other workers") {
  auto pool = isolated_pool({.max = 1, .max_concurrency = 8});
  auto count = [] {
    std::size_t result = 0;
    for (auto& entry : std::filesystem::directory_iterator{"/proc/self/fd"}) {
      static_cast<void>(entry);
      ++result;
    }
    std::this_thread::sleep_for(50ms);
    return result;
  };
  std::vector<std::future<std::size_t>> results;
  for (int i = 0; i < 8; ++i)
    results.push_back(flame::async(pool, count));
  auto first = results.front().get();
  for (std::size_t i = 1; i < results.size(); ++i)
    CHECK(results[i].get() == first);
}
