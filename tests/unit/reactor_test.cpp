#include "reactor.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <boost/asio/post.hpp>

#include <doctest/doctest.h>

#include <pthread.h>

namespace {

using namespace std::chrono_literals;

using flame::detail::pending_work;
using flame::detail::reactor;
using flame::detail::time_point;

using clock_type = std::chrono::steady_clock;

/// For what must happen; none is waited for in vain.
constexpr auto bound = 20s;

/// Which deadlines have passed, in order.
class journal {
public:
  struct entry {
    int id;
    time_point due;
    time_point fired;
  };

  void add(entry what) {
    {
      std::lock_guard guard{mutex_};
      entries_.push_back(what);
    }
    changed_.notify_all();
  }

  /// The entries, once there are `count`, or when that takes too long.
  std::vector<entry> wait(std::size_t count,
                          clock_type::duration most = bound) {
    std::unique_lock guard{mutex_};
    changed_.wait_for(guard, most, [&] {
      return entries_.size() >= count;
    });
    return entries_;
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<entry> entries_;
};

class alarm final : public pending_work {
public:
  alarm(journal& log, int id, time_point when) : log_(log), id_(id) {
    deadline_ = when;
  }

  void cancel(const caf::error&) override {
    // nop
  }

private:
  void expired() override {
    log_.add({id_, deadline_, clock_type::now()});
  }

  journal& log_;
  int id_;
};

using alarm_ptr = boost::intrusive_ptr<alarm>;

alarm_ptr new_alarm(journal& log, int id, time_point when) {
  return alarm_ptr{new alarm{log, id, when}};
}

/// Repeats `step` until it comes to its end before it is due: a machine
/// that is busy may stop a thread for any while.
template <class F>
void in_time(clock_type::duration due, F step) {
  for (;;) {
    auto end = clock_type::now() + due;
    if (step(end), clock_type::now() < end)
      return;
  }
}

TEST_CASE("what waits for its time comes then, or when the reactor ends") {
  std::promise<void> soon;
  auto came = soon.get_future();
  std::atomic<int> late = 0;
  reactor loop;
  auto begin = std::chrono::steady_clock::now();
  loop.run_at(begin + 20ms, [&] {
    soon.set_value();
  });
  loop.run_at(begin + 1h, [&] {
    ++late;
    // Also what is put off by then.
    loop.run_at(begin + 1h, [&] {
      ++late;
    });
  });
  REQUIRE(came.wait_for(30s) == std::future_status::ready);
  CHECK(std::chrono::steady_clock::now() >= begin + 20ms);
  CHECK(late == 0);
  loop.stop();
  CHECK(late == 2);
}

TEST_CASE("deadlines pass in their order, whatever order they come in") {
  std::optional<journal> log;
  std::optional<reactor> loop;
  in_time(50ms, [&](time_point due) {
    loop.reset();
    log.emplace();
    loop.emplace();
    for (int id : {7, 2, 9, 0, 5, 1, 8, 3, 6, 4})
      loop->watch(*new_alarm(*log, id, due + id * 2ms));
  });
  auto passed = log->wait(10);
  REQUIRE(passed.size() == 10);
  for (int i = 0; i < 10; ++i)
    CHECK(passed[static_cast<std::size_t>(i)].id == i);
}

TEST_CASE("no deadline passes early") {
  journal log;
  reactor loop;
  auto start = clock_type::now();
  for (int i = 0; i < 200; ++i)
    loop.watch(*new_alarm(log, i, start + (i * 7919 % 200) * 500us));
  auto passed = log.wait(200);
  REQUIRE(passed.size() == 200);
  for (auto& each : passed)
    CHECK(each.fired >= each.due);
}

TEST_CASE("a deadline that is past already passes at once") {
  journal log;
  reactor loop;
  loop.watch(*new_alarm(log, 1, clock_type::now() - 1h));
  CHECK(log.wait(1).size() == 1);
}

/// Has the loop look how many deadlines have passed when the first one has.
class first_alarm final : public pending_work {
public:
  first_alarm(journal& log, reactor& loop, std::size_t& seen)
    : log_(log),
      loop_(loop),
      seen_(seen) {
    deadline_ = clock_type::now() - 2h;
  }

  void cancel(const caf::error&) override {
    // nop
  }

private:
  void expired() override {
    boost::asio::post(loop_.io(), [&log = log_, &seen = seen_] {
      seen = log.wait(0).size();
    });
  }

  journal& log_;
  reactor& loop_;
  std::size_t& seen_;
};

TEST_CASE("other work does not wait for all deadlines that pass together") {
  constexpr std::size_t many = 10'000;
  journal log;
  reactor loop;
  std::size_t seen = many;
  std::promise<void> all_are_watched;
  boost::asio::post(loop.io(), [&] {
    all_are_watched.get_future().wait();
  });
  loop.watch(
    *boost::intrusive_ptr<pending_work>{new first_alarm{log, loop, seen}});
  for (std::size_t i = 0; i < many; ++i)
    loop.watch(*new_alarm(log, 0, clock_type::now() - 1h));
  all_are_watched.set_value();
  CHECK(log.wait(many).size() == many);
  loop.stop();
  CHECK(seen < many);
}

TEST_CASE("an earlier deadline does not wait for a later one") {
  journal log;
  reactor loop;
  auto late = new_alarm(log, 1, clock_type::now() + 1h);
  loop.watch(*late);
  loop.watch(*new_alarm(log, 2, clock_type::now() + 20ms));
  auto passed = log.wait(1);
  REQUIRE(passed.size() == 1);
  CHECK(passed.front().id == 2);
  loop.unwatch(*late);
}

TEST_CASE("a deadline that is no longer watched does not pass") {
  std::optional<journal> log;
  std::optional<reactor> loop;
  std::vector<alarm_ptr> withdrawn;
  time_point start;
  in_time(50ms, [&](time_point due) {
    loop.reset();
    log.emplace();
    loop.emplace();
    withdrawn.clear();
    start = due;
    for (int i = 0; i < 50; ++i) {
      withdrawn.push_back(new_alarm(*log, i, due + i * 100us));
      loop->watch(*withdrawn.back());
    }
    for (auto& each : withdrawn)
      loop->unwatch(*each);
  });
  // That the last of all passes is the proof that the others are past.
  loop->watch(*new_alarm(*log, 99, start + 20ms));
  auto passed = log->wait(1);
  REQUIRE(passed.size() == 1);
  CHECK(passed.front().id == 99);
  CHECK(passed.front().fired >= passed.front().due);
  for (auto& each : withdrawn)
    CHECK(each->use_count() == 1);
}

TEST_CASE("the end of a watch that is over does nothing") {
  journal log;
  reactor loop;
  auto passed = new_alarm(log, 1, clock_type::now());
  loop.unwatch(*passed);
  loop.watch(*passed);
  REQUIRE(log.wait(1).size() == 1);
  loop.unwatch(*passed);
  loop.unwatch(*passed);
}

TEST_CASE("work without a deadline is not watched") {
  journal log;
  reactor loop;
  auto endless = new_alarm(log, 1, time_point::max());
  loop.watch(*endless);
  CHECK(endless->use_count() == 1);
  CHECK_FALSE(endless->is_linked());
}

TEST_CASE("a watched entry lives until its deadline, without other owners") {
  journal log;
  reactor loop;
  loop.watch(*new_alarm(log, 1, clock_type::now() + 10ms));
  CHECK(log.wait(1).size() == 1);
}

TEST_CASE("a reactor that stops drops what waits") {
  journal log;
  auto waiting = new_alarm(log, 1, clock_type::now() + 1h);
  {
    reactor loop;
    loop.watch(*waiting);
    CHECK(waiting->use_count() == 2);
    loop.stop();
    CHECK(waiting->use_count() == 1);
    loop.stop();
  }
  CHECK(log.wait(0).empty());
}

/// Stops a thread wherever it is, for as long as `hold` says, but not for long:
/// it may have what the others need.
class interruption {
public:
  interruption() {
    struct sigaction action {};
    action.sa_handler = [](int) {
      auto end = clock_type::now() + 300us;
      held = true;
      while (hold && clock_type::now() < end)
        ;
    };
    ::sigaction(SIGUSR2, &action, &before_);
  }

  ~interruption() {
    ::sigaction(SIGUSR2, &before_, nullptr);
  }

  void of(std::thread& whom) {
    hold = true;
    held = false;
    ::pthread_kill(whom.native_handle(), SIGUSR2);
    while (!held)
      std::this_thread::yield();
  }

  void end() {
    hold = false;
  }

private:
  static inline std::atomic<bool> hold = false;
  static inline std::atomic<bool> held = false;

  struct sigaction before_ {};
};

TEST_CASE("an early deadline passes in time when a late one comes beside it") {
  constexpr int rounds = 2'000;
  journal log;
  reactor loop;
  interruption interrupt;
  std::atomic<bool> done = false;
  std::thread beside{[&] {
    std::atomic<int> ahead = 0;
    // Each is earlier than the one before, so that each sets the timer.
    for (auto far = clock_type::now() + 100h; !done; far -= 1ms) {
      auto late = new_alarm(log, -1, far);
      loop.watch(*late);
      loop.unwatch(*late);
      // No faster than the loop: it is to have nothing to catch up with.
      ++ahead;
      boost::asio::post(loop.io(), [&] {
        --ahead;
      });
      while (ahead > 2)
        std::this_thread::yield();
    }
    while (ahead > 0)
      std::this_thread::yield();
  }};
  for (std::size_t i = 1; i <= rounds && !done; ++i) {
    interrupt.of(beside);
    loop.watch(*new_alarm(log, 1, clock_type::now() + 500us));
    interrupt.end();
    done = log.wait(i, 5s).size() < i;
  }
  CHECK_FALSE(done);
  done = true;
  beside.join();
}

TEST_CASE("deadlines may be watched and withdrawn from many threads") {
  journal log;
  reactor loop;
  constexpr int per_thread = 300;
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < per_thread; ++i) {
        auto due = clock_type::now() + (i * 13 % 17) * 1ms;
        auto gone = new_alarm(log, -1, due + 1h);
        loop.watch(*gone);
        loop.watch(*new_alarm(log, t, due));
        loop.unwatch(*gone);
      }
    });
  for (auto& each : threads)
    each.join();
  auto passed = log.wait(4 * per_thread);
  CHECK(passed.size() == 4 * per_thread);
  for (auto& each : passed)
    CHECK(each.fired >= each.due);
}

} // namespace
