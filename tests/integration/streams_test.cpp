#include <atomic>
#include <thread>

#include <signal.h>
#include <unistd.h>

#include "support/processes.hpp"
#include "support/sanitizers.hpp"
#include "support/test_main.hpp"

using namespace std::chrono_literals;
using namespace tests;

namespace {

struct frame {
  int number = 0;
  std::string pixels;

  bool operator==(const frame&) const = default;
};

void count_up(flame::emitter<int>& out, int n) {
  for (int i = 0; i < n; ++i)
    out(i);
}

/// Never ends by itself.
void flood(flame::emitter<std::string>& out, std::size_t size) {
  for (std::string item(size, 'x');;)
    out(item);
}

/// Both ways from threads of its own; each waits for the caller.
int flood_and_sum(flame::emitter<std::string>& out, flame::source<int>& in) {
  int sum = 0;
  std::jthread reader{[&] {
    try {
      for (int item : in)
        sum += item;
    } catch (const flame::call_error&) {
      sum = -1;
    }
  }};
  for (int i = 0; i < 200; ++i)
    out(std::string(64 * 1024, 'x'));
  reader.join();
  return sum;
}

bool is_idle(const flame::pool& pool) {
  return eventually([&] {
    return pool.stats().in_use == 0;
  });
}

} // namespace

void tests::configure(flame::node_options&) {
  // nop
}

TEST_CASE("items arrive in order, and then the stream ends") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1});
    for (int n : {0, 1, 2, 1000}) {
      int expected = 0;
      for (int item : flame::stream(pool, count_up, n))
        CHECK(item == expected++);
      CHECK(expected == n);
    }
    CHECK(pool.stats().in_use == 0);
  });
}

TEST_CASE("a function that streams has arguments and a result as any other") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    auto frames = flame::stream(
      pool,
      [factor = 3](std::stop_token stop, flame::emitter<frame>& out,
                   std::string pixels, int count) {
        for (int i = 0; i < count && !stop.stop_requested(); ++i)
          out({i * factor, pixels});
        return "made " + std::to_string(count);
      },
      "rgb", 2);
    CHECK(frames.next() == frame{0, "rgb"});
    CHECK(frames.next() == frame{3, "rgb"});
    CHECK_FALSE(frames.next());
    CHECK(frames.result() == "made 2");
  });
}

TEST_CASE("items of every length arrive, those that are longer than a socket") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    std::size_t size = 0;
    for (auto& item : flame::stream(pool, [](flame::emitter<std::string>& out) {
           for (std::size_t n = 0; n < 20'000'000; n = 3 * n + 1)
             out(std::string(n, 'x'));
         })) {
      CHECK(item.size() == size);
      size = 3 * size + 1;
    }
    CHECK(size > 20'000'000);
  });
}

TEST_CASE("an item arrives while the function still runs") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    auto echo =
      flame::stream(pool, [](flame::emitter<int>& out, flame::source<int>& in) {
        for (int item : in)
          out(item + 1);
      });
    // One at a time: each answer is there before the next question.
    for (int i = 0; i < 100; ++i) {
      CHECK(echo.send(i));
      CHECK(echo.next() == i + 1);
    }
    echo.end_input();
    CHECK_FALSE(echo.next());
  });
}

TEST_CASE(
  "a function takes a stream of items and returns what it makes of it") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    auto sum = flame::stream(
      pool,
      [](flame::source<long>& in, long start) {
        for (long item : in)
          start += item;
        return start;
      },
      1'000'000);
    for (long i = 0; i < 10'000; ++i)
      CHECK(sum.send(i));
    CHECK(sum.result() == 1'000'000 + 9999L * 10'000 / 2);
    CHECK(pool.stats().in_use == 0);
  });
}

TEST_CASE("items travel both ways at once, from two threads") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    auto doubled = flame::stream(pool, [](flame::emitter<std::string>& out,
                                          flame::source<std::string>& in) {
      for (auto& item : in)
        out(item + item);
    });
    constexpr int count = 2000;
    std::jthread sender{[&] {
      for (int i = 0; i < count; ++i)
        doubled.send(std::string(static_cast<std::size_t>(i), 'x'));
      doubled.end_input();
    }};
    std::size_t expected = 0;
    for (auto& item : doubled) {
      CHECK(item.size() == 2 * expected);
      ++expected;
    }
    CHECK(expected == count);
  });
}

TEST_CASE("a function may take items on one thread and send on another") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1});
    {
      auto stream = flame::stream(pool, flood_and_sum);
      // Now one thread of the function waits for items, the other for room.
      CHECK(stream.next()->size() == 64 * 1024);
      for (int i = 1; i <= 1000; ++i)
        CHECK(stream.send(i));
      CHECK(stream.result() == 500'500);
    }
    {
      auto left = flame::stream(pool, flood_and_sum);
      CHECK(left.next());
    }
    CHECK(is_idle(pool));
    CHECK(pool.stats().boots == 1);
  });
}

TEST_CASE("an exception arrives after the items before it") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    auto items = flame::stream(pool, [](flame::emitter<int>& out) {
      out(1);
      out(2);
      throw std::runtime_error("no third one");
    });
    CHECK(items.next() == 1);
    CHECK(items.next() == 2);
    auto error = failure_of([&] {
      items.next();
    });
    CHECK(error.code() == flame::errc::remote_exception);
    CHECK(error.what() == std::string{"no third one"});
    CHECK(failure_of([&] {
            items.result();
          }).code()
          == flame::errc::remote_exception);
    CHECK(is_idle(pool));
    CHECK(flame::call(pool,
                      [] {
                        return 1;
                      })
          == 1);
  });
}

TEST_CASE("leaving a stream early stops its function and frees the slot") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1, .max_concurrency = 1});
    for (std::size_t size : {1u, 100'000u}) {
      {
        auto items = flame::stream(pool, flood, size);
        CHECK(items.next());
        CHECK(items.next());
      }
      CHECK(is_idle(pool));
    }
    CHECK(pool.stats().lost == 0);
    CHECK(pool.stats().boots == 1);
  });
}

TEST_CASE("a function that waits for items is stopped when its caller leaves") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1, .max_concurrency = 1});
    {
      auto sink = flame::stream(pool, [](flame::source<int>& in) {
        for (int item : in)
          static_cast<void>(item);
      });
      CHECK(sink.send(1));
    }
    CHECK(is_idle(pool));
    CHECK(pool.stats().boots == 1);
  });
}

TEST_CASE("a function may end before its caller has sent everything") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1, .max_concurrency = 1});
    auto first = flame::stream(pool, [](flame::source<std::string>& in) {
      return *in.next();
    });
    CHECK(first.send("one"));
    // More than any socket holds, so that the end must be noticed.
    int sent = 0;
    while (first.send(std::string(10'000, 'x')) && sent < 100'000)
      ++sent;
    CHECK(sent < 100'000);
    CHECK(first.result() == "one");
    CHECK(is_idle(pool));
    CHECK(flame::call(pool,
                      [] {
                        return 1;
                      })
          == 1);
  });
}

TEST_CASE("the timeout of a stream covers all of it, and stops the function") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1, .max_concurrency = 1});
    auto error = failure_of([&] {
      for (auto& item : flame::stream(pool, {.timeout = 200ms}, flood, 10))
        static_cast<void>(item);
    });
    CHECK(error.code() == flame::errc::timeout);
    CHECK(is_idle(pool));
  });
}

TEST_CASE("a stream fails when its runner is lost") {
  auto pool = new_pool("process", {.max = 1});
  auto items = flame::stream(pool, [](flame::emitter<int>& out) {
    out(1);
    ::kill(::getpid(), SIGKILL);
  });
  CHECK(items.next() == 1);
  auto error = failure_of([&] {
    items.next();
  });
  CHECK(error.code() == flame::errc::runner_lost);
  CHECK_FALSE(items.next());
  // A function without a result must not seem to have returned.
  CHECK(failure_of([&] {
          items.result();
        }).code()
        == flame::errc::runner_lost);
}

TEST_CASE("a function that waits for its consumer is stopped by a drain") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1, .shutdown_timeout = 60s});
    auto items = flame::stream(pool, flood, 1000);
    CHECK(items.next());
    auto begin = std::chrono::steady_clock::now();
    std::jthread closer{[&] {
      pool.shutdown();
    }};
    // By now the socket is full, and the function waits.
    std::this_thread::sleep_for(50ms);
    CHECK(failure_of([&] {
            while (items.next())
              continue;
          }).code()
          == flame::errc::cancelled);
    closer.join();
    CHECK(std::chrono::steady_clock::now() - begin < 30s);
  });
}

TEST_CASE("a consumer that sleeps stops the producer") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    auto items = flame::stream(
      pool, [](flame::emitter<std::pair<long, std::string>>& out) {
        for (long i = 0; i < 100'000; ++i)
          out({i, std::string(1000, 'x')});
      });
    CHECK(items.next()->first == 0);
    auto before = resident_kib();
    std::this_thread::sleep_for(100ms);
    CHECK(resident_kib() < before + 10 * 1024);
    // What the producer has made until now is in the socket.
    long last = 0;
    while (auto item = items.next())
      last = item->first;
    CHECK(last == 99'999);
  });
}

// AddressSanitizer keeps what was freed.
TEST_CASE("memory stays flat over a gibibyte of items"
          * doctest::skip(has_sanitizer)) {
  auto pool = new_pool("process", {.max = 1, .timeout = 5min});
  auto resident = [&] {
    return flame::call(pool, [] {
      return resident_kib();
    });
  };
  auto stream_mib = [&](std::size_t mib) {
    std::size_t bytes = 0;
    for (auto& item : flame::stream(
           pool,
           [](flame::emitter<std::string>&out, std::size_t count) {
             for (std::string item(64 * 1024, 'x'); count > 0; --count)
               out(item);
           },
           mib * 16))
      bytes += item.size();
    CHECK(bytes == mib << 20);
  };
  stream_mib(16);
  auto here = resident_kib();
  auto there = resident();
  stream_mib(1024);
  CHECK(resident_kib() < here + 8 * 1024);
  CHECK(resident() < there + 8 * 1024);
}

TEST_CASE("an item longer than max_message is refused, in both directions") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max_message = 10'000});
    auto out = flame::stream(pool, [](flame::emitter<std::string>& items) {
      items(std::string(20'000, 'x'));
    });
    CHECK(failure_of([&] {
            out.next();
          }).code()
          == flame::errc::message_too_large);
    auto in = flame::stream(pool, [](flame::source<std::string>& items) {
      return items.next().has_value();
    });
    CHECK(failure_of([&] {
            in.send(std::string(20'000, 'x'));
          }).code()
          == flame::errc::message_too_large);
    CHECK_FALSE(in.result());
  });
}

TEST_CASE("a stream inside an actor is refused and says what to do") {
  auto pool = new_pool("local");
  std::promise<flame::errc> code;
  node().system().spawn([&](caf::event_based_actor*) {
    try {
      auto items = flame::stream(pool, count_up, 1);
      code.set_value(flame::errc{});
    } catch (const flame::call_error& error) {
      code.set_value(error.code());
    }
  });
  CHECK(code.get_future().get() == flame::errc::on_scheduler_thread);
}
