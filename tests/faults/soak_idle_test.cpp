#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "support/test_main.hpp"

using namespace std::chrono_literals;
using namespace tests;

namespace {

using steady = std::chrono::steady_clock;

void spin_for(std::chrono::nanoseconds time) {
  for (auto end = steady::now() + time; steady::now() < end;)
    continue;
}

/// Brings a caller and its pool together at the moment in which an idle runner
/// is about to go: the pool asks `idle_check`, which lets the caller begin its
/// call, and takes the runner off its table as soon as that has returned. Who
/// is first decides what becomes of the runner. The caller aims at the edge: it
/// comes a little later after it was first, and earlier after it was not.
class idle_moment {
public:
  /// For the pool, as its `idle_check`.
  bool ask() {
    unsigned mine = 0;
    {
      std::lock_guard guard{mutex_};
      mine = ++moment_;
    }
    asked_.notify_one();
    for (auto end = steady::now() + 20ms; caller_at_ != mine;) {
      if (steady::now() > end)
        return true;
      std::this_thread::yield();
    }
    ++met_;
    return true;
  }

  /// For the caller: waits for a moment that it has not been at yet.
  /// @returns whether there was one, within a generous bound
  bool await() {
    {
      std::unique_lock guard{mutex_};
      if (!asked_.wait_for(guard, 30s, [&] {
            return moment_ != caller_at_;
          }))
        return false;
      caller_at_ = moment_;
    }
    spin_for(std::chrono::nanoseconds{static_cast<long>(lead_)});
    return true;
  }

  /// For the caller: whether it was before the pool. Less time is taken back
  /// than is given, as a boot for each call would be but a boot more.
  void was_first(bool yes) {
    lead_ = std::clamp(yes ? lead_ * 1.1 : lead_ / 1.3, 100.0, 10e6);
  }

  /// How many there were.
  unsigned count() const {
    std::lock_guard guard{mutex_};
    return moment_;
  }

  /// At how many the caller was there in time.
  unsigned met() const {
    return met_;
  }

private:
  mutable std::mutex mutex_;
  std::condition_variable asked_;
  unsigned moment_ = 0;
  std::atomic<unsigned> caller_at_ = 0;
  std::atomic<unsigned> met_ = 0;
  /// In ns.
  double lead_ = 1000;
};

int same(int x) {
  return x;
}

/// A pool and the caller that aims at its idle moments.
class target {
public:
  target(const std::string& backend, std::size_t max, bool by_future)
    : pool_(new_pool(backend, {.max = max,
                               .max_concurrency = 1,
                               .idle_shutdown_after = 1ms,
                               .log = "off",
                               .idle_check =
                                 [this](const flame::runner_info&) {
                                   return moment_.ask();
                                 }})),
      by_future_(by_future) {
    // nop
  }

  /// Calls, each time at the moment when a runner may go.
  void aim(int calls) {
    // Boots the first one.
    call(0);
    for (int i = 0; i < calls && moment_.await(); ++i) {
      auto boots = pool_.stats().boots;
      call(i);
      moment_.was_first(pool_.stats().boots == boots);
    }
    is_over_ = eventually([&] {
      auto now = pool_.stats();
      return now.runners + now.booting == 0 && now.boots == now.retired;
    });
    stats_ = pool_.stats();
    asked_ = moment_.count();
    pool_.shutdown();
  }

  bool is_over() const {
    return is_over_;
  }

  const std::vector<std::string>& failures() const {
    return failures_;
  }

  std::size_t returned() const {
    return returned_;
  }

  std::size_t met() const {
    return moment_.met();
  }

  const flame::pool_stats& stats() const {
    return stats_;
  }

  /// Runners that were about to go and had a call instead.
  std::size_t kept() const {
    return asked_ - stats_.retired;
  }

private:
  void call(int x) {
    try {
      auto y = by_future_ ? flame::async(pool_, same, x).get()
                          : flame::call(pool_, same, x);
      if (y == x)
        ++returned_;
      else
        failures_.push_back("returned something else");
    } catch (const flame::call_error& error) {
      failures_.emplace_back(error.what());
    }
  }

  idle_moment moment_;
  flame::pool pool_;
  bool by_future_ = false;
  bool is_over_ = false;
  std::size_t returned_ = 0;
  std::size_t asked_ = 0;
  std::vector<std::string> failures_;
  flame::pool_stats stats_;
};

void aim_at_idle_moments(const std::string& backend, int calls_each) {
  std::deque<target> targets;
  for (std::size_t max : {1, 2})
    for (bool by_future : {false, true})
      targets.emplace_back(backend, max, by_future);
  {
    std::vector<std::jthread> callers;
    for (auto& each : targets)
      callers.emplace_back([&each, calls_each] {
        each.aim(calls_each);
      });
  }
  std::size_t met = 0;
  std::size_t gone = 0;
  std::size_t kept = 0;
  for (auto& each : targets) {
    CHECK(each.is_over());
    CHECK(each.failures() == std::vector<std::string>{});
    CHECK(each.returned() == static_cast<std::size_t>(calls_each) + 1);
    CHECK(each.stats().lost == 0);
    CHECK(each.stats().failed_boots == 0);
    met += each.met();
    gone += each.stats().retired;
    kept += each.kept();
  }
  auto calls = targets.size() * static_cast<std::size_t>(calls_each);
  MESSAGE(backend << ": " << calls << " calls, " << met
                  << " at the moment; runners gone " << gone << ", kept "
                  << kept);
  // The aim was good, and the race went both ways.
  CHECK(met > calls / 2);
  CHECK(gone > calls / 20);
  CHECK(kept > calls / 20);
}

} // namespace

TEST_CASE("10,000 calls that meet a runner about to go do not fail") {
  aim_at_idle_moments("process", 2500);
}

TEST_CASE("10,000 calls that meet a local runner about to go do not fail") {
  aim_at_idle_moments("local", 2500);
}
