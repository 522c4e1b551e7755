/// Calls that are made again, and those that are not. What has run is told by a
/// ledger: a file to which the function itself appends.
#include <filesystem>
#include <fstream>
#include <thread>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "support/actors.hpp"

using namespace std::chrono_literals;
using namespace tests;

namespace {

class ledger {
public:
  ledger() {
    static int count = 0;
    path_ = (std::filesystem::temp_directory_path()
             / ("flame-ledger-" + std::to_string(::getpid()) + "-"
                + std::to_string(++count)))
              .string();
    std::filesystem::remove(path_);
  }

  ~ledger() {
    std::filesystem::remove(path_);
  }

  const std::string& path() const {
    return path_;
  }

  /// How often the function has run.
  std::size_t runs() const {
    std::error_code none;
    auto size = std::filesystem::file_size(path_, none);
    return none ? 0 : size;
  }

private:
  std::string path_;
};

/// Puts a run down in the ledger.
/// @returns how many there are now
std::size_t put_down(const std::string& path) {
  auto fd =
    ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  [[maybe_unused]] auto ignored = ::write(fd, "x", 1);
  ::close(fd);
  return std::filesystem::file_size(path);
}

/// Takes its process along, so many times.
std::size_t dies(const std::string& path, std::size_t times) {
  auto runs = put_down(path);
  if (runs <= times)
    ::kill(::getpid(), SIGKILL);
  return runs;
}

const flame::retry_options thrice{.attempts = 3, .backoff = 1ms};

flame::pool new_pool_with(flame::isolation isolation) {
  return new_pool("process", {.max = 2, .isolation = isolation});
}

flame::errc code_for(flame::isolation isolation) {
  return isolation == flame::isolation::process ? flame::errc::call_crashed
                                                : flame::errc::runner_lost;
}

template <class F>
void for_both_isolations(F body) {
  for (auto isolation : {flame::isolation::thread, flame::isolation::process}) {
    CAPTURE(isolation);
    body(isolation);
  }
}

} // namespace

void tests::configure(flame::node_options&) {
  // nop
}

TEST_CASE("a call that is not idempotent runs at most once") {
  for_both_isolations([](flame::isolation isolation) {
    auto pool = new_pool_with(isolation);
    ledger runs;
    auto error = failure_of([&] {
      flame::call(pool, {.retry = thrice}, dies, runs.path(), 1);
    });
    CHECK(error.code() == code_for(isolation));
    CHECK(runs.runs() == 1);
    CHECK(pool.stats().retries == 0);
  });
}

TEST_CASE("an idempotent call is made again, from a thread, future or actor") {
  for_both_isolations([](flame::isolation isolation) {
    auto pool = new_pool_with(isolation);
    flame::call_options options{.idempotent = true, .retry = thrice};
    ledger of_thread;
    CHECK(flame::call(pool, options, dies, of_thread.path(), 2) == 3);
    ledger of_future;
    CHECK(flame::async(pool, options, dies, of_future.path(), 2).get() == 3);
    ledger of_actor;
    auto runs =
      in_actor<std::size_t>([&](caf::event_based_actor* self, auto done) {
        flame::call(self, pool, options, dies, of_actor.path(), 2)
          .then(done, [=](const flame::call_error&) {
            done(0);
          });
      });
    CHECK(runs == 3);
    ledger of_cast;
    flame::cast(pool, options, dies, of_cast.path(), 2);
    CHECK(eventually([&] {
      return of_cast.runs() == 3;
    }));
    CHECK(pool.stats().retries == 8);
  });
}

TEST_CASE("an idempotent call fails as its last attempt does") {
  for_both_isolations([](flame::isolation isolation) {
    auto pool = new_pool_with(isolation);
    flame::call_options options{.idempotent = true, .retry = thrice};
    ledger of_thread;
    CHECK(failure_of([&] {
            flame::call(pool, options, dies, of_thread.path(), 100);
          }).code()
          == code_for(isolation));
    CHECK(of_thread.runs() == 3);
    ledger of_future;
    auto future = flame::async(pool, options, dies, of_future.path(), 100);
    CHECK(failure_of([&] {
            future.get();
          }).code()
          == code_for(isolation));
    CHECK(of_future.runs() == 3);
  });
}

TEST_CASE("a pool says what is done about its idempotent calls") {
  auto pool = new_pool("process", {.max = 1, .retry = thrice});
  ledger runs;
  CHECK(flame::call(pool, {.idempotent = true}, dies, runs.path(), 1) == 2);
  ledger once;
  CHECK_THROWS_AS(flame::call(pool, dies, once.path(), 1), flame::call_error);
  CHECK(once.runs() == 1);
  // A call may say otherwise.
  ledger unlike;
  CHECK_THROWS_AS(flame::call(pool,
                              {.idempotent = true,
                               .retry = flame::retry_options{.attempts = 1}},
                              dies, unlike.path(), 1),
                  flame::call_error);
  CHECK(unlike.runs() == 1);
}

TEST_CASE("an exception is an answer, and no reason to call again") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.retry = thrice});
    ledger runs;
    CHECK(failure_of([&] {
            flame::call(
              pool, {.idempotent = true},
              [](const std::string& path) {
                put_down(path);
                throw std::runtime_error("no");
              },
              runs.path());
          }).code()
          == flame::errc::remote_exception);
    CHECK(runs.runs() == 1);
  });
}

TEST_CASE("a call whose retry is out of range is refused") {
  auto pool = new_pool("local");
  flame::call_options options{.idempotent = true,
                              .retry = flame::retry_options{.jitter = 2}};
  auto wrong = failure_of([&] {
    flame::call(pool, options, ::getpid);
  });
  CHECK(wrong.code() == flame::errc::invalid_configuration);
  CHECK(std::string{wrong.what()}
        == "`retry.jitter`: `2` is out of range: 0 to 1");
  CHECK(failure_of([&] {
          flame::async(pool, options, ::getpid).get();
        }).code()
        == flame::errc::invalid_configuration);
}

TEST_CASE("the timeout is for all attempts, and the last failure is told") {
  auto pool = new_pool("process", {.max = 1});
  ledger runs;
  flame::call_options options{.timeout = 2s,
                              .idempotent = true,
                              .retry = flame::retry_options{
                                .attempts = 100, .backoff = 1min, .jitter = 0}};
  auto begin = std::chrono::steady_clock::now();
  CHECK(failure_of([&] {
          flame::call(pool, options, dies, runs.path(), 100);
        }).code()
        == flame::errc::runner_lost);
  auto future = flame::async(pool, options, dies, runs.path(), 100);
  CHECK(failure_of([&] {
          future.get();
        }).code()
        == flame::errc::runner_lost);
  CHECK(std::chrono::steady_clock::now() - begin < 2s);
  CHECK(runs.runs() == 2);
}

TEST_CASE("a long request is whole in each attempt") {
  auto pool = new_pool("process", {.max = 1});
  flame::call_options options{.idempotent = true, .retry = thrice};
  auto length = [](const std::string& path, const std::string& text) {
    if (put_down(path) == 1)
      ::kill(::getpid(), SIGKILL);
    return text.size();
  };
  std::string text(5'000'000, 'x');
  ledger of_thread;
  CHECK(flame::call(pool, options, length, of_thread.path(), text)
        == text.size());
  ledger of_future;
  CHECK(flame::async(pool, options, length, of_future.path(), text).get()
        == text.size());
}

TEST_CASE("an actor that ends takes along a call that waits for its next try") {
  auto pool = new_pool("process", {.max = 1, .timeout = flame::infinite});
  ledger runs;
  auto actor = node().system().spawn([&](caf::event_based_actor* self) {
    flame::call(
      self, pool,
      {.idempotent = true,
       .retry = flame::retry_options{.attempts = 100, .backoff = 1min}},
      dies, runs.path(), 100)
      .then([](std::size_t) {}, [](const flame::call_error&) {});
    return caf::behavior{[](end_atom) {}};
  });
  CHECK(eventually([&] {
    return pool.stats().retries == 1;
  }));
  caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  // Ends at once, as nothing is under way any more.
  pool.shutdown();
  CHECK(runs.runs() == 1);
}
