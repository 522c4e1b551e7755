#include "slot_table.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <sys/socket.h>

namespace {

using namespace std::chrono_literals;

using flame::errc;
using flame::isolation;
using flame::detail::lane;
using flame::detail::lane_opener;
using flame::detail::loss;
using flame::detail::loss_ptr;
using flame::detail::make_socket_pair;
using flame::detail::runner_slots;
using flame::detail::slot_holder;
using flame::detail::slot_table;
using flame::detail::socket_pair;
using flame::detail::time_point;

using outcome = slot_table::outcome;
using state = slot_holder::state;

loss_ptr loss_because(errc code, std::string message) {
  return std::make_shared<const loss>(loss{code, std::move(message), "r"});
}

std::unique_ptr<lane> new_lane(isolation served_by = isolation::thread) {
  return std::make_unique<lane>(std::move(make_socket_pair(SOCK_STREAM).parent),
                                1024, served_by);
}

/// Counts what it is told, and leaves the table before it ends.
class fake_holder final : public slot_holder {
public:
  explicit fake_holder(slot_table& table) : table_(table) {
    // nop
  }

  ~fake_holder() override {
    table_.withdraw(*this);
    table_.release(*this);
  }

  outcome acquire(bool wants_watched = false) {
    return table_.acquire(*this, wants_watched);
  }

  void release(std::unique_ptr<lane> returned = nullptr) {
    table_.release(*this, std::move(returned));
  }

  state in() const {
    return table_.state_of(*this);
  }

  /// Name of the runner whose slot this holds, or empty.
  std::string on() const {
    return runner() ? runner()->name : std::string{};
  }

  /// Code of the loss, or none.
  errc why() const {
    auto reason = table_.loss_of(*this);
    return reason ? reason->code : errc{};
  }

  int grants() const {
    std::lock_guard guard{mutex_};
    return grants_;
  }

  int failures() const {
    std::lock_guard guard{mutex_};
    return failures_;
  }

  /// Waits until it has been told something since the last time it was asked.
  bool wait() {
    std::unique_lock guard{mutex_};
    auto came = told_.wait_for(guard, 60s, [this] {
      return grants_ + failures_ > seen_;
    });
    seen_ = grants_ + failures_;
    return came;
  }

private:
  void granted() noexcept override {
    tell(grants_);
  }

  void failed() noexcept override {
    tell(failures_);
  }

  void tell(int& which) {
    std::lock_guard guard{mutex_};
    ++which;
    told_.notify_all();
  }

  slot_table& table_;
  mutable std::mutex mutex_;
  std::condition_variable told_;
  int grants_ = 0;
  int failures_ = 0;
  int seen_ = 0;
};

struct fake_runner {
  fake_runner(std::string name, std::size_t capacity,
              bool is_single_use = false)
    : ends(make_socket_pair(SOCK_SEQPACKET)),
      slots(std::make_shared<runner_slots>(
        std::move(name), capacity,
        std::make_shared<lane_opener>(std::move(ends.parent), 1024),
        caf::actor{},
        [this] {
          ++vacant;
        },
        [this] {
          ++suspect;
        },
        [this] {
          ++wedged;
        },
        is_single_use)) {
    // nop
  }

  operator runner_slots&() noexcept {
    return *slots;
  }

  socket_pair ends;
  std::atomic<int> vacant = 0;
  std::atomic<int> suspect = 0;
  std::atomic<int> wedged = 0;
  std::shared_ptr<runner_slots> slots;
};

/// A table, its runners, and whoever wants a slot; they end in the order in
/// which they may.
class fixture {
public:
  explicit fixture(std::size_t max_queue = 1000)
    : table(max_queue, [this] {
        ++demands;
      }) {
    // nop
  }

  fake_runner& add(std::string name, std::size_t capacity,
                   bool is_single_use = false) {
    auto& added =
      runners_.emplace_back(std::move(name), capacity, is_single_use);
    table.add(added.slots);
    return added;
  }

  fake_holder& holder() {
    return holders_.emplace_back(table);
  }

  /// A holder that has asked already.
  fake_holder& asked(outcome expected) {
    auto& result = holder();
    REQUIRE(result.acquire() == expected);
    return result;
  }

  fake_holder& granted() {
    return asked(outcome::granted);
  }

  fake_holder& queued() {
    return asked(outcome::queued);
  }

  bool counts(std::size_t in_use, std::size_t queued, std::size_t runners) {
    auto now = table.count();
    return now.in_use == in_use && now.queued == queued
           && now.runners == runners;
  }

  int demands = 0;

private:
  std::deque<fake_runner> runners_;

public:
  slot_table table;

private:
  std::deque<fake_holder> holders_;
};

const auto lost = loss_because(errc::runner_lost, "killed by signal 9");

TEST_CASE("slots are granted up to the capacity, and then callers queue") {
  fixture f;
  auto& r = f.add("r", 3);
  for (std::size_t i = 1; i <= 3; ++i) {
    auto& holder = f.granted();
    CHECK(holder.in() == state::holding);
    CHECK(holder.on() == "r");
    CHECK(f.table.in_use(r) == i);
  }
  auto& waiting = f.queued();
  CHECK(waiting.in() == state::queued);
  CHECK_FALSE(waiting.runner());
  CHECK(waiting.grants() == 0);
  CHECK(f.counts(3, 1, 1));
}

TEST_CASE("without a runner everybody queues") {
  fixture f;
  f.queued();
  f.queued();
  CHECK(f.counts(0, 2, 0));
}

TEST_CASE("a new runner serves the queue in order up to its capacity") {
  fixture f;
  auto& first = f.queued();
  auto& second = f.queued();
  auto& third = f.queued();
  auto& r = f.add("r", 2);
  CHECK(first.grants() == 1);
  CHECK(second.grants() == 1);
  CHECK(third.grants() == 0);
  CHECK(third.in() == state::queued);
  CHECK(f.table.in_use(r) == 2);
  CHECK(f.counts(2, 1, 1));
}

TEST_CASE("a slot that is given back goes to the first in the queue") {
  fixture f;
  auto& r = f.add("r", 1);
  auto& holder = f.granted();
  auto& first = f.queued();
  auto& second = f.queued();
  auto with = new_lane();
  auto* same = with.get();
  holder.release(std::move(with));
  CHECK(holder.in() == state::outside);
  CHECK_FALSE(holder.runner());
  CHECK(first.grants() == 1);
  CHECK(first.in() == state::holding);
  CHECK(first.on() == "r");
  CHECK(first.take_lane().get() == same);
  CHECK(second.grants() == 0);
  CHECK(f.table.in_use(r) == 1);
  CHECK(f.counts(1, 1, 1));
  first.release();
  CHECK(second.grants() == 1);
  CHECK_FALSE(second.take_lane());
  second.release();
  CHECK(f.counts(0, 0, 1));
}

TEST_CASE("a lane that was granted and not taken goes on with the slot") {
  fixture f;
  f.add("r", 1);
  auto& first = f.granted();
  auto with = new_lane();
  auto* same = with.get();
  first.release(std::move(with));
  auto& second = f.granted();
  second.release();
  CHECK(f.granted().take_lane().get() == same);
}

TEST_CASE("nobody overtakes the queue") {
  fixture f;
  f.add("r", 1);
  auto& holder = f.granted();
  auto& first = f.queued();
  holder.release();
  // The slot is not free for a moment: it is the first one's.
  CHECK(holder.acquire() == outcome::queued);
  auto& last = f.queued();
  CHECK(first.grants() == 1);
  first.release();
  CHECK(holder.grants() == 1);
  CHECK(last.grants() == 0);
  holder.release();
  CHECK(last.grants() == 1);
}

TEST_CASE("the queue takes no more than its limit") {
  fixture f{2};
  auto& first = f.queued();
  f.queued();
  auto& refused = f.asked(outcome::refused);
  CHECK(refused.why() == errc::queue_full);
  CHECK(refused.failures() == 0);
  CHECK(refused.in() == state::outside);
  CHECK(f.table.loss_of(refused)->message
        == "2 callers wait for a slot already: raise max_queue or max, or call "
           "less often");
  CHECK(f.counts(0, 2, 0));
  f.table.withdraw(first);
  CHECK(refused.acquire() == outcome::queued);
}

TEST_CASE("who withdraws leaves the queue and is told nothing") {
  fixture f;
  auto& first = f.queued();
  auto& second = f.queued();
  auto& third = f.queued();
  CHECK(f.table.withdraw(second));
  CHECK(second.in() == state::outside);
  CHECK_FALSE(f.table.withdraw(second));
  CHECK(f.counts(0, 2, 0));
  f.add("r", 2);
  CHECK(first.grants() == 1);
  CHECK(second.grants() == 0);
  CHECK(third.grants() == 1);
  CHECK_FALSE(f.table.withdraw(first));
  CHECK(first.in() == state::holding);
}

TEST_CASE("a closed table refuses newcomers and fails whoever waits") {
  fixture f;
  f.add("r", 1);
  auto& holder = f.granted();
  auto& waiting = f.queued();
  f.table.close(loss_because(errc::pool_closed, "the pool is shutting down"));
  CHECK(waiting.in() == state::refused);
  CHECK(waiting.failures() == 1);
  CHECK(waiting.why() == errc::pool_closed);
  CHECK(f.asked(outcome::refused).why() == errc::pool_closed);
  CHECK_FALSE(f.table.withdraw(waiting));
  CHECK(holder.in() == state::holding);
  CHECK(holder.failures() == 0);
  holder.release();
  CHECK(f.counts(0, 0, 1));
}

TEST_CASE("a queue that is failed can be joined again") {
  fixture f;
  auto& first = f.queued();
  auto& second = f.queued();
  f.table.fail_queue(loss_because(errc::boot_failed, "no such image"));
  for (auto* each : {&first, &second}) {
    CHECK(each->in() == state::refused);
    CHECK(each->failures() == 1);
    CHECK(each->why() == errc::boot_failed);
  }
  CHECK(f.counts(0, 0, 0));
  CHECK(first.acquire() == outcome::queued);
  f.add("r", 1);
  CHECK(first.grants() == 1);
}

TEST_CASE("the runner with the fewest slots in use is chosen") {
  fixture f;
  f.add("a", 2);
  f.add("b", 2);
  std::array<std::string, 4> chosen;
  for (auto& each : chosen)
    each = f.granted().on();
  CHECK(chosen[0] != chosen[1]);
  CHECK(chosen[2] != chosen[3]);
  f.queued();
}

TEST_CASE("load counts slots in use, whatever the capacity") {
  fixture f;
  auto& small = f.add("small", 1);
  auto& large = f.add("large", 8);
  for (int i = 0; i < 9; ++i)
    f.granted();
  CHECK(f.table.in_use(small) == 1);
  CHECK(f.table.in_use(large) == 8);
  f.queued();
}

TEST_CASE("among equals the runner that was busy last is chosen") {
  fixture f;
  f.add("a", 1);
  f.add("b", 1);
  f.add("c", 1);
  auto& first = f.granted();
  auto& second = f.granted();
  auto& third = f.granted();
  auto last = second.on();
  first.release();
  third.release();
  second.release();
  for (int i = 0; i < 5; ++i) {
    CHECK(first.acquire() == outcome::granted);
    CHECK(first.on() == last);
    first.release();
  }
}

TEST_CASE("runners that are not needed fall idle") {
  fixture f;
  auto& a = f.add("a", 1);
  auto& b = f.add("b", 1);
  auto& holder = f.granted();
  auto& busy = holder.on() == "a" ? a : b;
  auto& idle = holder.on() == "a" ? b : a;
  holder.release();
  auto since = std::chrono::steady_clock::now();
  for (int i = 0; i < 10; ++i) {
    REQUIRE(holder.acquire() == outcome::granted);
    holder.release();
  }
  CHECK(*f.table.idle_since(busy) >= since);
  CHECK(*f.table.idle_since(idle) <= since);
}

TEST_CASE("a lane of the kind that is asked for is preferred") {
  boost::asio::io_context io;
  fixture f;
  f.add("r", 2);
  auto& one = f.granted();
  auto& two = f.granted();
  auto plain = new_lane();
  auto watched = new_lane();
  watched->watched(io);
  auto* is_plain = plain.get();
  auto* is_watched = watched.get();
  one.release(std::move(plain));
  two.release(std::move(watched));
  REQUIRE(one.acquire(true) == outcome::granted);
  auto got = one.take_lane();
  CHECK(got.get() == is_watched);
  // The other kind is better than none.
  REQUIRE(two.acquire(true) == outcome::granted);
  CHECK(two.take_lane().get() == is_plain);
  two.release();
  one.release(std::move(got));
  REQUIRE(one.acquire(false) == outcome::granted);
  got = one.take_lane();
  CHECK(got.get() == is_watched);
}

TEST_CASE("a lane of another isolation is nobody's") {
  fixture f;
  f.add("r", 2);
  auto& threaded = f.granted();
  auto& isolated = f.granted();
  isolated.serve_by(isolation::process);
  auto to_thread = new_lane();
  auto to_worker = new_lane(isolation::process);
  auto* thread = to_thread.get();
  auto* worker = to_worker.get();
  threaded.release(std::move(to_thread));
  isolated.release(std::move(to_worker));
  REQUIRE(isolated.acquire() == outcome::granted);
  auto got = isolated.take_lane();
  CHECK(got.get() == worker);
  isolated.release(std::move(got));
  REQUIRE(threaded.acquire() == outcome::granted);
  got = threaded.take_lane();
  CHECK(got.get() == thread);
}

TEST_CASE("a lane of another isolation gives way when all slots are in use") {
  fixture f;
  f.add("r", 2);
  auto& first = f.granted();
  auto& second = f.granted();
  first.release(new_lane(isolation::process));
  REQUIRE(first.acquire() == outcome::granted);
  CHECK_FALSE(first.take_lane());
  first.release();
  // One slot was free: the worker's lane may be idle beside the other two.
  second.release();
  auto& isolated = f.granted();
  isolated.serve_by(isolation::process);
  isolated.release();
  REQUIRE(isolated.acquire() == outcome::granted);
  CHECK_FALSE(isolated.take_lane());
}

TEST_CASE("whoever waits gets a lane of its own isolation with the slot") {
  fixture f;
  f.add("r", 1);
  auto& threaded = f.granted();
  auto& isolated = f.queued();
  isolated.serve_by(isolation::process);
  threaded.release(new_lane());
  CHECK(isolated.grants() == 1);
  CHECK_FALSE(isolated.take_lane());
  auto& next = f.queued();
  next.serve_by(isolation::process);
  auto to_worker = new_lane(isolation::process);
  auto* worker = to_worker.get();
  isolated.release(std::move(to_worker));
  CHECK(next.grants() == 1);
  CHECK(next.take_lane().get() == worker);
}

TEST_CASE("a runner that is in use is not retired as idle") {
  fixture f;
  auto& r = f.add("r", 2);
  auto& holder = f.granted();
  CHECK_FALSE(f.table.idle_since(r));
  CHECK_FALSE(f.table.retire_if_idle(r, time_point::max()));
  holder.release();
  CHECK(f.granted().on() == "r");
}

TEST_CASE("a runner that was in use too recently is not retired as idle") {
  fixture f;
  auto& r = f.add("r", 1);
  f.granted().release();
  auto since = f.table.idle_since(r);
  REQUIRE(since);
  CHECK_FALSE(f.table.retire_if_idle(r, *since - 1ns));
  CHECK(f.granted().on() == "r");
}

TEST_CASE("a runner that is retired as idle gets nothing more") {
  fixture f;
  auto& r = f.add("r", 1);
  CHECK(f.table.retire_if_idle(r, *f.table.idle_since(r)));
  CHECK(f.counts(0, 0, 1));
  auto& waiting = f.queued();
  CHECK_FALSE(f.table.retire_if_idle(r, time_point::max()));
  f.table.remove(r, lost);
  CHECK(waiting.in() == state::queued);
  CHECK(f.counts(0, 1, 0));
}

TEST_CASE("a retired runner is vacant once its last slot is given back") {
  fixture f;
  auto& r = f.add("r", 2);
  auto& first = f.granted();
  auto& second = f.granted();
  f.table.retire(r);
  CHECK(r.vacant == 0);
  auto& waiting = f.queued();
  first.release(new_lane());
  CHECK(r.vacant == 0);
  CHECK(waiting.grants() == 0);
  second.release();
  CHECK(r.vacant == 1);
  CHECK(waiting.in() == state::queued);
  CHECK(f.counts(0, 1, 1));
}

TEST_CASE("a runner that is retired while nobody uses it is vacant at once") {
  fixture f;
  auto& r = f.add("r", 2);
  f.granted().release();
  f.table.retire(r);
  CHECK(r.vacant == 1);
  f.queued();
}

TEST_CASE("a runner that was retired as idle is vacant when it is let go") {
  fixture f;
  auto& r = f.add("r", 1);
  REQUIRE(f.table.retire_if_idle(r, time_point::max()));
  CHECK(r.vacant == 0);
  f.table.retire(r);
  CHECK(r.vacant == 1);
}

TEST_CASE("a runner that is gone is not vacant") {
  fixture f;
  auto& r = f.add("r", 1);
  auto& holder = f.granted();
  f.table.remove(r, lost);
  f.table.retire(r);
  holder.release();
  CHECK(r.vacant == 0);
}

TEST_CASE("whoever holds a slot of a removed runner fails with its loss") {
  fixture f;
  auto& r = f.add("r", 2);
  auto& first = f.granted();
  auto& second = f.granted();
  f.table.remove(r, lost);
  for (auto* each : {&first, &second}) {
    CHECK(each->in() == state::lost);
    CHECK(each->failures() == 1);
    CHECK(f.table.loss_of(*each) == lost);
    CHECK(each->on() == "r");
  }
  CHECK(f.counts(0, 0, 0));
}

TEST_CASE("a slot of a removed runner can be given back late") {
  fixture f;
  auto& r = f.add("r", 1);
  auto& holder = f.granted();
  auto& waiting = f.queued();
  f.table.remove(r, lost);
  CHECK(waiting.in() == state::queued);
  auto& next = f.add("next", 1);
  CHECK(waiting.on() == "next");
  holder.release(new_lane());
  holder.release();
  CHECK(holder.in() == state::outside);
  CHECK_FALSE(holder.runner());
  CHECK(f.table.in_use(next) == 1);
  CHECK(f.counts(1, 0, 1));
  f.table.remove(r, lost);
  CHECK(f.counts(1, 0, 1));
}

TEST_CASE("others keep their slots when a runner is removed") {
  fixture f;
  auto& a = f.add("a", 1);
  f.add("b", 1);
  auto& first = f.granted();
  auto& second = f.granted();
  auto& on_b = first.on() == "b" ? first : second;
  f.table.remove(a, lost);
  CHECK(on_b.in() == state::holding);
  CHECK(on_b.failures() == 0);
  CHECK(f.counts(1, 0, 1));
}

TEST_CASE("a runner whose lane ended gets no work until more is known") {
  fixture f;
  auto& r = f.add("r", 3);
  auto& first = f.granted();
  auto& second = f.granted();
  f.table.report_closed_lane(first);
  CHECK(r.suspect == 1);
  auto& waiting = f.queued();
  second.release(new_lane());
  CHECK(waiting.grants() == 0);
  CHECK(first.in() == state::holding);
  CHECK(f.counts(1, 1, 1));
  CHECK_FALSE(f.table.retire_if_idle(r, time_point::max()));
  f.table.remove(r, lost);
  CHECK(first.in() == state::lost);
  CHECK(f.counts(0, 1, 0));
}

TEST_CASE("a suspect runner that is there fails the holder of the lane alone") {
  fixture f;
  auto& r = f.add("r", 3);
  auto& first = f.granted();
  auto& second = f.granted();
  f.table.report_closed_lane(first);
  auto& waiting = f.queued();
  f.table.clear_suspicion(r, lost);
  CHECK(first.in() == state::lost);
  CHECK(second.in() == state::holding);
  CHECK(waiting.grants() == 1);
  first.release();
  CHECK(f.counts(2, 0, 1));
  f.granted();
  // Nobody has reported anything since.
  f.table.clear_suspicion(r, lost);
  CHECK(second.in() == state::holding);
  CHECK(f.counts(3, 0, 1));
}

TEST_CASE("a suspect runner that is retired stays so when it is there") {
  fixture f;
  auto& r = f.add("r", 1);
  auto& holder = f.granted();
  f.table.report_closed_lane(holder);
  f.table.retire(r);
  f.table.clear_suspicion(r, lost);
  CHECK(holder.in() == state::lost);
  holder.release();
  CHECK(r.vacant == 1);
  f.queued();
}

TEST_CASE("a suspect runner can be drained") {
  fixture f;
  auto& r = f.add("r", 1);
  auto& holder = f.granted();
  f.table.report_closed_lane(holder);
  f.table.retire(r);
  CHECK(r.vacant == 0);
  holder.release();
  CHECK(r.vacant == 1);
  f.table.remove(r, lost);
  CHECK(f.counts(0, 0, 0));
}

TEST_CASE("a lane of a runner that is gone is no news") {
  fixture f;
  auto& r = f.add("r", 1);
  auto& holder = f.granted();
  f.table.remove(r, lost);
  f.table.report_closed_lane(holder);
  CHECK(r.suspect == 0);
}

TEST_CASE("a runner with wedged work gets no more, and is vacant without it") {
  fixture f;
  auto& r = f.add("r", 3);
  auto& stuck = f.granted();
  auto& other = f.granted();
  f.table.report_wedged(stuck);
  CHECK(r.wedged == 1);
  CHECK(r.vacant == 0);
  CHECK(stuck.in() == state::holding);
  f.queued();
  other.release();
  CHECK(r.wedged == 1);
  CHECK(r.vacant == 1);
  CHECK(f.counts(1, 1, 1));
  f.table.remove(r, lost);
  CHECK(stuck.in() == state::lost);
  stuck.release();
  CHECK(f.counts(0, 1, 0));
}

TEST_CASE("wedged work is news once, and counts no more when it has ended") {
  fixture f;
  auto& r = f.add("r", 3);
  auto& first = f.granted();
  auto& second = f.granted();
  auto& other = f.granted();
  f.table.report_wedged(first);
  f.table.report_wedged(first);
  f.table.report_wedged(second);
  CHECK(r.wedged == 1);
  first.release();
  CHECK(r.vacant == 0);
  other.release();
  CHECK(r.vacant == 1);
  second.release();
  CHECK(f.counts(0, 0, 1));
}

TEST_CASE("wedged work does not keep a runner from being drained") {
  fixture f;
  auto& r = f.add("r", 2);
  auto& stuck = f.granted();
  f.table.retire(r);
  CHECK(r.vacant == 0);
  f.table.report_wedged(stuck);
  CHECK(r.vacant == 1);
}

TEST_CASE("wedged work of a runner that is gone is no news") {
  fixture f;
  auto& r = f.add("r", 1);
  auto& stuck = f.granted();
  f.table.remove(r, lost);
  f.table.report_wedged(stuck);
  CHECK(r.wedged == 0);
}

TEST_CASE("demand is told once until it is asked for") {
  fixture f;
  CHECK(f.table.take_demand() == 0);
  CHECK(f.demands == 0);
  f.queued();
  CHECK(f.demands == 1);
  f.queued();
  f.queued();
  CHECK(f.demands == 1);
  CHECK(f.table.take_demand() == 3);
  CHECK(f.demands == 1);
  f.queued();
  CHECK(f.demands == 2);
}

TEST_CASE("a slot that is granted is no demand") {
  fixture f;
  f.add("r", 1);
  f.granted();
  CHECK(f.demands == 0);
}

TEST_CASE("a slot can change its holder") {
  fixture f;
  auto& r = f.add("r", 1);
  auto& first = f.granted();
  first.release(new_lane());
  REQUIRE(first.acquire() == outcome::granted);
  auto& heir = f.holder();
  f.table.transfer(first, heir);
  CHECK(first.in() == state::outside);
  CHECK_FALSE(first.runner());
  CHECK_FALSE(first.take_lane());
  CHECK(heir.in() == state::holding);
  CHECK(heir.on() == "r");
  CHECK(heir.failures() == 0);
  CHECK(f.counts(1, 0, 1));
  // It has nothing to give back.
  first.release();
  CHECK(f.counts(1, 0, 1));
  f.table.remove(r, lost);
  CHECK(first.failures() == 0);
  CHECK(heir.failures() == 1);
  CHECK(heir.why() == errc::runner_lost);
}

TEST_CASE("a loss is told to whoever takes the slot over") {
  fixture f;
  auto& r = f.add("r", 1);
  auto& first = f.granted();
  f.table.remove(r, lost);
  auto& heir = f.holder();
  f.table.transfer(first, heir);
  CHECK(first.in() == state::outside);
  CHECK(heir.in() == state::lost);
  CHECK(heir.failures() == 1);
  CHECK(f.table.loss_of(heir) == lost);
  heir.release();
  CHECK(f.counts(0, 0, 0));
}

TEST_CASE("what is released twice counts once") {
  fixture f;
  auto& r = f.add("r", 2);
  auto& holder = f.granted();
  f.granted();
  holder.release();
  holder.release();
  CHECK(f.table.in_use(r) == 1);
  CHECK(f.counts(1, 0, 1));
}

TEST_CASE("counts are right at every step of a long random walk") {
  std::mt19937 random{7};
  auto below = [&](std::size_t limit) {
    return random() % limit;
  };
  fixture f;
  std::vector<fake_runner*> runners;
  std::vector<fake_holder*> holding;
  std::deque<fake_holder*> waiting;
  std::size_t free = 0;
  auto served = [&] {
    while (free > 0 && !waiting.empty()) {
      --free;
      holding.push_back(waiting.front());
      waiting.pop_front();
    }
  };
  for (int step = 0; step < 20'000; ++step) {
    CAPTURE(step);
    auto dice = below(100);
    if (dice < 45) {
      auto& next = f.holder();
      if (free > 0) {
        REQUIRE(next.acquire() == outcome::granted);
        --free;
        holding.push_back(&next);
      } else {
        REQUIRE(next.acquire() == outcome::queued);
        waiting.push_back(&next);
      }
    } else if (dice < 90 && !holding.empty()) {
      auto at = holding.begin() + static_cast<long>(below(holding.size()));
      (*at)->release();
      holding.erase(at);
      ++free;
      served();
    } else if (dice < 95 && !waiting.empty()) {
      auto at = waiting.begin() + static_cast<long>(below(waiting.size()));
      REQUIRE(f.table.withdraw(**at));
      waiting.erase(at);
    } else if (dice < 97 && runners.size() < 8) {
      auto capacity = 1 + below(4);
      runners.push_back(&f.add("r", capacity));
      free += capacity;
      served();
    } else if (dice == 99 && !runners.empty()) {
      auto at = runners.begin() + static_cast<long>(below(runners.size()));
      auto used = f.table.in_use(**at);
      free -= (*at)->slots->capacity - used;
      f.table.remove(**at, lost);
      runners.erase(at);
      std::erase_if(holding, [](fake_holder* each) {
        return each->in() == state::lost;
      });
    }
    REQUIRE(f.counts(holding.size(), waiting.size(), runners.size()));
    if (!waiting.empty())
      REQUIRE(waiting.front()->in() == state::queued);
    if (!holding.empty())
      REQUIRE(holding.back()->in() == state::holding);
  }
}

/// Runners that come and go while threads take and give back slots.
class crowd {
public:
  static constexpr std::size_t most_runners = 4'000;
  static constexpr std::size_t capacity = 3;

  crowd() : table_(1'000'000, [] {}) {
    for (int i = 0; i < 4; ++i)
      add_runner();
  }

  slot_table& table() noexcept {
    return table_;
  }

  std::size_t overbooked() const noexcept {
    return overbooked_;
  }

  void took(const fake_holder& holder) {
    if (users_of(holder).fetch_add(1) >= capacity)
      ++overbooked_;
  }

  void gives_back(const fake_holder& holder) {
    users_of(holder).fetch_sub(1);
  }

  /// Ends one runner in one of the ways in which they end, and adds one.
  void exchange_runner(std::mt19937& random) {
    auto at = random() % alive_.size();
    auto* ending = alive_[at];
    alive_.erase(alive_.begin() + static_cast<long>(at));
    add_runner();
    switch (random() % 3) {
      case 0:
        table_.remove(*ending, lost);
        break;
      case 1:
        if (!table_.retire_if_idle(*ending, time_point::max()))
          table_.retire(*ending);
        table_.remove(*ending, lost);
        break;
      default:
        table_.retire(*ending);
        draining_.push_back(ending);
        break;
    }
  }

  /// Every runner that drained must have become vacant.
  std::size_t never_vacant() {
    std::size_t result = 0;
    for (auto* each : draining_) {
      result += each->vacant == 1 ? 0 : 1;
      table_.remove(*each, lost);
    }
    draining_.clear();
    return result;
  }

  std::size_t alive() const noexcept {
    return alive_.size();
  }

private:
  void add_runner() {
    auto number = runners_.size();
    auto& added = runners_.emplace_back(std::to_string(number), capacity);
    alive_.push_back(&added);
    table_.add(added.slots);
  }

  std::atomic<std::size_t>& users_of(const fake_holder& holder) {
    return users_[std::stoul(holder.runner()->name)];
  }

  std::array<std::atomic<std::size_t>, most_runners> users_{};
  std::deque<fake_runner> runners_;
  std::vector<fake_runner*> alive_;
  std::vector<fake_runner*> draining_;
  std::atomic<std::size_t> overbooked_ = 0;
  slot_table table_;
};

/// Takes slots and gives them back, or gives up; false if it waited in vain.
bool take_and_give_back(crowd& among, unsigned seed, int rounds) {
  std::mt19937 random{seed};
  for (int i = 0; i < rounds; ++i) {
    fake_holder holder{among.table()};
    if (holder.acquire(random() % 2 == 0) == outcome::queued) {
      if (random() % 8 == 0 && among.table().withdraw(holder))
        continue;
      if (!holder.wait())
        return false;
    }
    among.took(holder);
    if (random() % 4 == 0)
      std::this_thread::yield();
    among.gives_back(holder);
    if (random() % 16 == 0) {
      fake_holder heir{among.table()};
      among.table().transfer(holder, heir);
      heir.release();
    } else {
      holder.release();
    }
  }
  return true;
}

TEST_CASE("slots are never shared or lost while threads and runners come and "
          "go") {
  auto among = std::make_unique<crowd>();
  constexpr int threads = 8;
  std::atomic<int> running = threads;
  std::atomic<int> in_vain = 0;
  std::vector<std::thread> callers;
  for (unsigned t = 0; t < threads; ++t)
    callers.emplace_back([&, t] {
      if (!take_and_give_back(*among, t, 10'000))
        ++in_vain;
      --running;
    });
  std::mt19937 random{99};
  for (int i = 0; running > 0; ++i) {
    if (i < 2'000)
      among->exchange_runner(random);
    std::this_thread::yield();
  }
  for (auto& each : callers)
    each.join();
  CHECK(in_vain == 0);
  CHECK(among->overbooked() == 0);
  auto end = among->table().count();
  CHECK(end.in_use == 0);
  CHECK(end.queued == 0);
  CHECK(among->never_vacant() == 0);
  CHECK(among->table().count().runners == among->alive());
}

TEST_CASE("the slot of a runner of single_use goes to nobody a second time") {
  fixture world;
  auto& first = world.holder();
  auto& second = world.holder();
  auto& runner = world.add("r", 1, true);
  REQUIRE(first.acquire() == outcome::granted);
  REQUIRE(second.acquire() == outcome::queued);
  first.release(new_lane());
  CHECK(second.in() == state::queued);
  CHECK(runner.vacant == 1);
  CHECK(world.table.count().in_use == 0);
}

TEST_CASE("a runner of single_use under suspicion is used up all the same") {
  fixture world;
  auto& first = world.holder();
  auto& runner = world.add("r", 1, true);
  REQUIRE(first.acquire() == outcome::granted);
  world.table.report_closed_lane(first);
  first.release();
  CHECK(runner.vacant == 1);
  world.table.clear_suspicion(runner, loss_because(errc::runner_lost, "x"));
  CHECK(world.holder().acquire() == outcome::queued);
}

} // namespace
