/// A function, called for each element of a range.
#include <atomic>
#include <list>
#include <numeric>
#include <set>
#include <thread>

#include <signal.h>
#include <unistd.h>

#include <caf/all.hpp>

#include "support/test_main.hpp"

using namespace std::chrono_literals;
using namespace tests;

namespace {

int twice(int n) {
  return 2 * n;
}

/// Later elements are ready first.
int slower_first(int n) {
  std::this_thread::sleep_for(std::chrono::milliseconds{n < 4 ? 50 : 0});
  return n;
}

int fails_at(int n, int bad) {
  if (n == bad)
    throw std::runtime_error("not " + std::to_string(n));
  return n;
}

std::vector<int> numbers(int n) {
  std::vector<int> result(static_cast<std::size_t>(n));
  std::iota(result.begin(), result.end(), 0);
  return result;
}

/// Numbers without end, which says how many were asked for.
class endless {
public:
  class iterator {
  public:
    using value_type = int;
    using difference_type = std::ptrdiff_t;

    explicit iterator(int& at) : at_(&at) {
      // nop
    }

    int operator*() const {
      return *at_;
    }

    iterator& operator++() {
      ++*at_;
      return *this;
    }

    void operator++(int) {
      ++*at_;
    }

  private:
    int* at_;
  };

  iterator begin() {
    return iterator{at_};
  }

  std::unreachable_sentinel_t end() const {
    return {};
  }

  int asked_for() const {
    return at_;
  }

private:
  int at_ = 0;
};

bool all_slots_free(const flame::pool& pool) {
  return eventually([&] {
    auto now = pool.stats();
    return now.in_use == 0 && now.queued == 0;
  });
}

} // namespace

TEST_CASE("map gives the results in the order of the range") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 2});
    int expected = 0;
    for (int result : flame::map(pool, numbers(200), slower_first))
      CHECK(result == expected++);
    CHECK(expected == 200);
    // Of any range, with arguments that are the same for all.
    std::list<std::string> words{"a", "bc", ""};
    auto longer =
      flame::map(
        pool, words,
        [mark = '!'](const std::string& word, int n) {
          return word + std::string(static_cast<std::size_t>(n), mark);
        },
        2)
        .all();
    CHECK(longer == std::vector<std::string>{"a!!", "bc!!", "!!"});
    CHECK(flame::map(pool, std::vector<int>{}, twice).all().empty());
    CHECK(all_slots_free(pool));
  });
}

TEST_CASE("map gives results as they come, where order does not matter") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1, .max_concurrency = 4});
    auto results =
      flame::map(pool, {.ordered = false}, numbers(100), slower_first).all();
    CHECK(results.size() == 100);
    CHECK(std::set<int>(results.begin(), results.end()).size() == 100);
    // Some of the first four were overtaken.
    CHECK(results != numbers(100));
  });
}

TEST_CASE("map of a function without result says how often it ran") {
  auto pool = new_pool("local");
  static std::atomic<int> sum;
  sum = 0;
  auto all = flame::map(pool, numbers(10), [](int n) {
    sum += n;
  });
  CHECK(all.all().size() == 10);
  CHECK(sum == 45);
}

TEST_CASE("map has a bounded number of calls under way") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 4, .max_concurrency = 8});
    for (auto ordered : {true, false}) {
      // The calls of the map before, which was left, may still hold theirs.
      REQUIRE(all_slots_free(pool));
      endless range;
      auto results =
        flame::map(pool, {.ordered = ordered, .in_flight = 3}, range, twice);
      for (int taken = 1; taken <= 50; ++taken) {
        REQUIRE(results.next());
        auto now = pool.stats();
        CHECK(now.in_use + now.queued <= 3);
        // What runs, and as many that have ended.
        CHECK(range.asked_for() <= taken + 6);
      }
    }
    CHECK(all_slots_free(pool));
  });
}

TEST_CASE("map never has more than so many functions at work at a time") {
  auto pool = new_pool("local", {.max = 2, .max_concurrency = 8});
  static std::atomic<int> running;
  static std::atomic<int> most;
  running = most = 0;
  auto count = [](int n) {
    auto now = ++running;
    for (auto seen = most.load(); now > seen;)
      if (most.compare_exchange_weak(seen, now))
        break;
    std::this_thread::sleep_for(5ms);
    --running;
    return n;
  };
  CHECK(flame::map(pool, {.in_flight = 5}, numbers(40), count).all()
        == numbers(40));
  CHECK(most <= 5);
  CHECK(most > 1);
}

TEST_CASE("map stops at the first failure, and stops what is under way") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1, .max_concurrency = 4});
    endless range;
    auto results = flame::map(pool, range, [](std::stop_token stop, int n) {
      if (n == 10)
        throw std::runtime_error("not 10");
      // Those beside it would never end.
      while (n > 10 && !stop.stop_requested())
        std::this_thread::sleep_for(1ms);
      return n;
    });
    auto error = failure_of([&] {
      while (results.next())
        continue;
    });
    CHECK(error.code() == flame::errc::remote_exception);
    CHECK(error.what() == std::string{"not 10"});
    // Nothing follows, and nothing more is started.
    auto asked_for = range.asked_for();
    CHECK_FALSE(results.next());
    CHECK(range.asked_for() == asked_for);
    CHECK(asked_for < 30);
    CHECK(all_slots_free(pool));
    CHECK(pool.stats().lost == 0);
  });
}

TEST_CASE("map throws a failure at once, not when its turn has come") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1, .max_concurrency = 4});
    // The first never ends by itself.
    auto results =
      flame::map(pool, numbers(4), [](std::stop_token stop, int n) {
        while (n == 0 && !stop.stop_requested())
          std::this_thread::sleep_for(1ms);
        return fails_at(n, 2);
      });
    CHECK(failure_of([&] {
            results.next();
          }).what()
          == std::string{"not 2"});
    CHECK(all_slots_free(pool));
  });
}

TEST_CASE("try_map gives each failure in its place") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max_message = 10 * 1024});
    std::vector<std::string> words{"one", std::string(20'000, 'x'), "", "two"};
    std::vector<std::string> seen;
    for (auto& result :
         flame::try_map(pool, words, [](const std::string& word) {
           if (word.empty())
             throw std::runtime_error("an empty word");
           return word;
         }))
      seen.push_back(result ? *result
                            : std::string{to_string(
                              flame::call_error{result.error()}.code())});
    CHECK(seen
          == std::vector<std::string>{"one", "message_too_large",
                                      "remote_exception", "two"});
  });
}

TEST_CASE("try_map goes on when a runner is lost") {
  auto pool = new_pool("process", {.max = 1, .max_concurrency = 1});
  auto results = flame::try_map(pool, numbers(10), [](int n) {
    if (n == 4)
      ::kill(::getpid(), SIGKILL);
    return n;
  });
  auto all = results.all();
  REQUIRE(all.size() == 10);
  for (int n = 0; n < 10; ++n) {
    auto& result = all[static_cast<std::size_t>(n)];
    if (n == 4)
      CHECK(flame::call_error{result.error()}.code()
            == flame::errc::runner_lost);
    else
      CHECK(result == n);
  }
  CHECK(pool.stats().lost == 1);
}

TEST_CASE("try_map of a function without result") {
  auto pool = new_pool("local");
  auto all = flame::try_map(pool, numbers(3), [](int n) {
               fails_at(n, 1);
             }).all();
  REQUIRE(all.size() == 3);
  CHECK(all[0]);
  CHECK_FALSE(all[1]);
  CHECK(all[2]);
}

TEST_CASE("leaving a map early cancels what is under way") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1, .max_concurrency = 4});
    {
      auto results =
        flame::map(pool, numbers(100), [](std::stop_token stop, int n) {
          while (n > 0 && !stop.stop_requested())
            std::this_thread::sleep_for(1ms);
          return n;
        });
      CHECK(results.next() == 0);
    }
    CHECK(all_slots_free(pool));
    CHECK(pool.stats().lost == 0);
  });
}

TEST_CASE("a map that is never asked starts nothing") {
  auto pool = new_pool("local");
  endless range;
  static_cast<void>(flame::map(pool, range, twice));
  CHECK(range.asked_for() == 0);
  CHECK(pool.stats().boots == 0);
}

TEST_CASE("the timeout of a map is for each call") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1, .max_concurrency = 4});
    auto error = failure_of([&] {
      flame::map(pool, {.call = {.timeout = 50ms}}, numbers(3),
                 [](std::stop_token stop, int) {
                   while (!stop.stop_requested())
                     std::this_thread::sleep_for(1ms);
                 })
        .all();
    });
    CHECK(error.code() == flame::errc::timeout);
    CHECK(all_slots_free(pool));
  });
}

TEST_CASE("a map inside an actor is refused and says what to do") {
  auto pool = new_pool("local");
  std::promise<std::string> told;
  node().system().spawn([&](caf::event_based_actor*) {
    try {
      flame::map(pool, numbers(1), twice).all();
      told.set_value("");
    } catch (const flame::call_error& error) {
      told.set_value(error.what());
    }
  });
  CHECK(told.get_future().get().find("flame::call(self") != std::string::npos);
}
