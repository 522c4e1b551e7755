/// What a pool counts of its calls, boots and runners.
#include <filesystem>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "support/actors.hpp"

using namespace std::chrono_literals;
using namespace tests;

namespace {

using causes = std::map<flame::errc, std::uint64_t>;

int doubled(int x) {
  return 2 * x;
}

void fails() {
  throw std::runtime_error{"as it should"};
}

void waits(std::stop_token stop) {
  while (!stop.stop_requested())
    std::this_thread::sleep_for(1ms);
}

void count_a_few(flame::emitter<int>& out, int n) {
  for (int i = 0; i < n; ++i)
    out(i);
}

void never_ends(flame::emitter<std::string>& out) {
  for (;;)
    out("on and on");
}

/// Takes its process along, the first time.
int dies_once(const std::string& path) {
  auto fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd >= 0)
    ::kill(::getpid(), SIGKILL);
  return 1;
}

/// Isolation needs processes.
template <class F>
void on_each_backend_and_isolation(F body) {
  for (auto isolation : {flame::isolation::thread, flame::isolation::process}) {
    CAPTURE(isolation);
    on_each_backend([&](const std::string& backend) {
      if (backend == "local" && isolation == flame::isolation::process)
        return;
      body(new_pool(backend,
                    {.max = 1, .max_concurrency = 4, .isolation = isolation}));
    });
  }
}

void expect(const flame::pool& pool, std::uint64_t succeeded, causes failed) {
  auto seen = pool.calls();
  CHECK(seen.succeeded.count() == succeeded);
  CHECK(seen.failed == failed);
  CHECK(seen.under_way() == 0);
  CHECK(seen.started == succeeded + seen.failures());
}

} // namespace

TEST_CASE("a call of a thread counts once, by how it ends") {
  on_each_backend_and_isolation([](const flame::pool& pool) {
    CHECK(pool.calls().started == 0);
    flame::call(pool, doubled, 1);
    flame::call(pool, doubled, 2);
    failure_of([&] {
      flame::call(pool, fails);
    });
    failure_of([&] {
      flame::call(pool, {.timeout = 20ms}, waits);
    });
    CHECK_FALSE(flame::try_call(pool, fails));
    expect(pool, 2,
           {{flame::errc::remote_exception, 2}, {flame::errc::timeout, 1}});
  });
}

TEST_CASE("futures, casts and maps count as calls of threads do") {
  on_each_backend_and_isolation([](const flame::pool& pool) {
    flame::async(pool, doubled, 1).get();
    failure_of([&] {
      flame::async(pool, fails).get();
    });
    failure_of([&] {
      flame::async(pool, {.timeout = 20ms}, waits).get();
    });
    flame::map(pool, std::vector<int>{1, 2, 3}, doubled).all();
    flame::cast(pool, doubled, 1);
    flame::cast(pool, fails);
    CHECK(eventually([&] {
      return pool.calls().under_way() == 0;
    }));
    expect(pool, 5,
           {{flame::errc::remote_exception, 2}, {flame::errc::timeout, 1}});
  });
}

TEST_CASE("calls of actors count, and are cancelled with their actor") {
  on_each_backend_and_isolation([](const flame::pool& pool) {
    auto result = in_actor<int>([&](caf::event_based_actor* self, auto done) {
      flame::call(self, pool, doubled, 21).then(done);
    });
    CHECK(result == 42);
    auto failed = in_actor<int>([&](caf::event_based_actor* self, auto done) {
      flame::call(self, pool, fails)
        .then([] {},
              [=](const flame::call_error&) {
                done(1);
              });
    });
    CHECK(failed == 1);
    in_actor<int>([&](caf::event_based_actor* self, auto done) {
      flame::call(self, pool, waits).then([] {});
      done(0);
    });
    CHECK(eventually([&] {
      return pool.calls().under_way() == 0;
    }));
    expect(pool, 1,
           {{flame::errc::remote_exception, 1}, {flame::errc::cancelled, 1}});
  });
}

TEST_CASE("a stream counts once, and as cancelled where it is left early") {
  on_each_backend_and_isolation([](const flame::pool& pool) {
    for (int n : {0, 10})
      flame::stream(pool, count_a_few, n).result();
    failure_of([&] {
      flame::stream(pool, [](flame::emitter<int>& out) {
        out(1);
        throw std::runtime_error{"enough"};
      }).result();
    });
    {
      auto left = flame::stream(pool, never_ends);
      left.next();
      CHECK(pool.calls().under_way() == 1);
    }
    failure_of([&] {
      auto slow = flame::stream(pool, {.timeout = 20ms},
                                [](std::stop_token stop, flame::emitter<int>&) {
                                  waits(stop);
                                });
      slow.next();
    });
    CHECK(in_actor<int>([&](caf::event_based_actor* self, auto done) {
            flame::stream(self, pool, count_a_few, 5)
              .then([](int) {},
                    [=] {
                      done(5);
                    },
                    [=](const flame::call_error&) {
                      done(0);
                    });
          })
          == 5);
    expect(pool, 3,
           {{flame::errc::remote_exception, 1},
            {flame::errc::cancelled, 1},
            {flame::errc::timeout, 1}});
  });
}

TEST_CASE(
  "a call that is made again counts once, with the time of all attempts") {
  auto pool = new_pool("process", {.max = 1});
  auto path = (std::filesystem::temp_directory_path()
               / ("flame-once-" + std::to_string(::getpid())))
                .string();
  std::filesystem::remove(path);
  flame::call_options options{
    .idempotent = true,
    .retry = flame::retry_options{.attempts = 2, .backoff = 50ms, .jitter = 0}};
  CHECK(flame::call(pool, options, dies_once, path) == 1);
  std::filesystem::remove(path);
  expect(pool, 1, {});
  CHECK(pool.stats().retries == 1);
  // The pause alone takes that.
  CHECK(pool.calls().succeeded.sum() >= 50ms);
  CHECK(pool.boot_times().count() == 2);
}

TEST_CASE("calls that fail before they run count, and refused ones do not") {
  auto pool = new_pool(
    "local",
    {.max = 1, .max_concurrency = 1, .max_queue = 1, .max_message = 1024});
  failure_of([&] {
    flame::call(
      pool, [](const std::string&) {}, std::string(4096, 'x'));
  });
  failure_of([&] {
    flame::async(
      pool, [](const std::string&) {}, std::string(4096, 'x'))
      .get();
  });
  expect(pool, 0, {});
  pool.shutdown();
  failure_of([&] {
    flame::call(pool, doubled, 1);
  });
  failure_of([&] {
    flame::async(pool, doubled, 1).get();
  });
  expect(pool, 0, {{flame::errc::pool_closed, 2}});
}

TEST_CASE("how long calls take is what their caller sees") {
  auto nap = [] {
    std::this_thread::sleep_for(20ms);
  };
  on_each_backend([&](const std::string& backend) {
    auto pool = new_pool(backend, {.min = 1, .max = 1});
    auto check = [&](auto call) {
      auto earlier = pool.calls().succeeded;
      auto before = std::chrono::steady_clock::now();
      call();
      auto took = std::chrono::steady_clock::now() - before;
      auto counted = pool.calls().succeeded - earlier;
      CHECK(counted.count() == 1);
      CHECK(counted.sum() >= 20ms);
      CHECK(counted.sum() <= took);
      CHECK(counted.percentile(1) >= 20ms * 63 / 64);
    };
    check([&] {
      flame::call(pool, nap);
    });
    check([&] {
      flame::async(pool, nap).get();
    });
    check([&] {
      in_actor<int>([&](caf::event_based_actor* self, auto done) {
        flame::call(self, pool, nap).then([=] {
          done(0);
        });
      });
    });
    check([&] {
      flame::stream(pool, [](flame::emitter<int>& out) {
        std::this_thread::sleep_for(20ms);
        out(1);
      }).result();
    });
    CHECK(pool.calls().started == 4);
  });
}

TEST_CASE("boots are counted with the time that they take") {
  on_each_backend([](const std::string& backend) {
    auto before = std::chrono::steady_clock::now();
    auto pool = new_pool(backend, {.min = 2, .max = 2});
    auto took = std::chrono::steady_clock::now() - before;
    auto boots = pool.boot_times();
    CHECK(boots.count() == 2);
    CHECK(boots.sum() > 0ns);
    CHECK(boots.percentile(1) <= took + took / 64 + 16ns);
  });
}

TEST_CASE("a pool shows its runners") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.min = 1, .max = 1, .max_concurrency = 3});
    auto stream = flame::stream(pool, never_ends);
    stream.next();
    auto runners = pool.runners();
    REQUIRE(runners.size() == 1);
    CHECK(runners[0].name == pool.name() + "-1");
    CHECK(runners[0].state == "ready");
    CHECK((runners[0].pid == ::getpid()) == (backend == "local"));
    CHECK(runners[0].pid > 0);
    CHECK(runners[0].age > 0ns);
    CHECK(runners[0].in_use == 1);
    CHECK(runners[0].slots == 3);
  });
}
