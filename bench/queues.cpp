#include <algorithm>
#include <atomic>
#include <fstream>
#include <memory>
#include <thread>

#include <malloc.h>
#include <unistd.h>

#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <fmt/format.h>

#include <flame/call.hpp>
#include <flame/stream.hpp>

#include "process.hpp"
#include "sampling.hpp"
#include "subjects.hpp"

namespace bench {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t long_queue = 100'000;
constexpr std::size_t short_queue = 1000;
constexpr std::size_t calls_of_an_actor = 100;
constexpr std::size_t payload = 64;

/// No part of a figure hangs on when the last look was.
template <class Condition>
void await(Condition condition) {
  while (!condition())
    std::this_thread::sleep_for(100us);
}

/// How the calls of many actors have ended.
struct tally {
  std::atomic<std::size_t> values = 0;
  std::atomic<std::size_t> errors = 0;
};

using tally_ptr = std::shared_ptr<tally>;

caf::behavior queueing_actor(caf::event_based_actor* self,
                             const flame::pool& pool, const tally_ptr& ended) {
  return {[=](std::int64_t deadline) {
    const std::string text(payload, 'x');
    for (std::size_t i = 0; i < calls_of_an_actor; ++i) {
      auto left = clock::time_point{clock::duration{deadline}} - clock::now();
      flame::call(
        self, pool, {.timeout = std::max(left, clock::duration{1})},
        [](const std::string&) {}, text)
        .then(
          [ended] {
            ++ended->values;
          },
          [ended](const flame::call_error&) {
            ++ended->errors;
          });
    }
  }};
}

/// Actors whose calls wait in the queue of a pool.
class callers {
public:
  callers(flame::node& node, const flame::pool& pool, std::size_t calls)
    : self_(node.system()),
      pool_(pool),
      calls_(calls) {
    for (std::size_t i = 0; i < calls / calls_of_an_actor; ++i)
      actors_.push_back(self_->spawn(queueing_actor, pool, ended_));
  }

  callers(const callers&) = delete;
  callers& operator=(const callers&) = delete;

  /// Their calls leave the queue with them.
  ~callers() {
    for (auto& each : actors_)
      self_->send_exit(each, caf::exit_reason::user_shutdown);
    for (auto& each : actors_)
      self_->wait_for(each);
    await([this] {
      auto now = pool_.stats();
      return now.queued == 0 && now.in_use == 0;
    });
  }

  /// Has them make their calls.
  /// @returns whether all of them wait before the deadline
  bool queue(clock::time_point deadline) {
    for (auto& each : actors_)
      self_->send(each, std::int64_t{deadline.time_since_epoch().count()});
    await([&] {
      return pool_.stats().queued == calls_ || ended_->errors > 0;
    });
    return ended_->errors == 0;
  }

  const tally& ended() const {
    return *ended_;
  }

private:
  caf::scoped_actor self_;
  flame::pool pool_;
  std::size_t calls_;
  tally_ptr ended_ = std::make_shared<tally>();
  std::vector<caf::actor> actors_;
};

/// Far enough to be no deadline, near enough for the clock.
clock::time_point never() {
  return clock::now() + 24h;
}

/// A call that keeps its slot, and echoes what it is sent.
auto busy_slot(const flame::pool& pool) {
  return flame::stream(pool, {.timeout = flame::infinite},
                       [](flame::emitter<int>& out, flame::source<int>& in) {
                         for (auto each : in)
                           out(each);
                       });
}

flame::pool pool_of_one(flame::node& node, const std::string& name) {
  return node.pool(name, {.min = 1,
                          .max = 1,
                          .max_concurrency = 1,
                          .max_queue = 2 * long_queue,
                          .idle_shutdown_after = flame::infinite,
                          .backend = "process",
                          .log = "off"});
}

// -- memory -------------------------------------------------------------------

struct memory {
  double heap = 0;
  double resident = 0;
};

memory memory_in_use() {
  auto heap = ::mallinfo2();
  std::ifstream statm{"/proc/self/statm"};
  std::size_t pages = 0;
  std::size_t resident = 0;
  statm >> pages >> resident;
  return {static_cast<double>(heap.uordblks + heap.hblkhd),
          static_cast<double>(resident)
            * static_cast<double>(::sysconf(_SC_PAGESIZE))};
}

/// Bytes for each of so many calls, without their payload: of the heap or of
/// the process, whichever has grown more.
double bytes_per_call(const memory& before, const memory& now,
                      std::size_t calls) {
  auto grown = std::max(now.heap - before.heap, now.resident - before.resident);
  return grown / static_cast<double>(calls) - payload;
}

// -- dispatch -----------------------------------------------------------------

/// The time of a dispatch in us: from when the slot comes free to when `count`
/// of the calls that wait have been made, by their number.
template <class Slot>
double dispatch_time(Slot& slot, const callers& waiting, std::size_t count) {
  auto begin = clock::now();
  slot.result();
  while (waiting.ended().values < count)
    std::this_thread::sleep_for(20us);
  auto done = waiting.ended().values.load();
  return micros(clock::now() - begin) / static_cast<double>(done);
}

// -- giving up ----------------------------------------------------------------

/// How long nothing times out, at least, although all calls wait.
constexpr auto quiet_time = 300ms;

/// The longest time that `step` takes, in ms, while it is taken every
/// millisecond.
class probe {
public:
  template <class Step>
  explicit probe(Step step)
    : thread_([this, step](const std::stop_token& stop) mutable {
        while (!stop.stop_requested()) {
          auto begin = clock::now();
          step();
          longest_ = std::max(longest_, millis(clock::now() - begin));
          std::this_thread::sleep_for(1ms);
        }
      }) {
    // nop
  }

  double longest() {
    thread_.request_stop();
    if (thread_.joinable())
      thread_.join();
    return longest_;
  }

private:
  double longest_ = 0;
  std::jthread thread_;
};

/// The longest time, in ms, that anything has to wait for an answer until
/// `over`: the pool's table, its actor, a call that is under way on it, and a
/// call without a thread on another pool of the node.
template <class Slot, class Condition>
double longest_wait(flame::pool pool, const flame::pool& other, Slot& slot,
                    Condition over) {
  probe table{[=] {
    pool.stats();
  }};
  probe actor{[=]() mutable {
    pool.await_minimum();
  }};
  probe under_way{[&] {
    slot.send(1);
    slot.next();
  }};
  probe elsewhere{[=] {
    flame::async(other, [] {}).get();
  }};
  await(over);
  return std::max({table.longest(), actor.longest(), under_way.longest(),
                   elsewhere.longest()});
}

} // namespace

figures measure_queue(flame::node& node, const effort& how, progress& line) {
  pinned here{how.cpus};
  auto pool = pool_of_one(node, "queue");
  series bytes{"bytes of a call that waits, of 100,000", "B", {}};
  series slow{"dispatch, 100,000 calls waiting", "us", {}};
  series fast{"dispatch, 1,000 calls waiting", "us", {}};
  for (std::size_t i = 0; i < how.queues; ++i) {
    line.show("long queue", i, how.queues);
    {
      auto slot = busy_slot(pool);
      callers few{node, pool, short_queue};
      few.queue(never());
      fast.rounds.push_back(dispatch_time(slot, few, short_queue));
    }
    auto slot = busy_slot(pool);
    callers many{node, pool, long_queue};
    // What is free already would hide what is needed.
    ::malloc_trim(0);
    auto before = memory_in_use();
    many.queue(never());
    bytes.rounds.push_back(bytes_per_call(before, memory_in_use(), long_queue));
    slow.rounds.push_back(dispatch_time(slot, many, short_queue));
  }
  pool.shutdown();
  return {absolute("queued_call_bytes", bytes, bound::at_most, 512),
          ratio_to("dispatch_growth", slow, fast, bound::at_most, 1.3)};
}

figures measure_giving_up(flame::node& node, const effort& how,
                          progress& line) {
  pinned here{how.cpus};
  auto pool = pool_of_one(node, "patience");
  auto other = pool_of_one(node, "elsewhere");
  series busy{"longest wait while 100,000 calls time out", "ms", {}};
  series quiet{"longest wait while they are queued", "ms", {}};
  auto patience = clock::duration{2s};
  while (busy.rounds.size() < how.queues) {
    line.show("calls that give up", busy.rounds.size(), how.queues);
    auto slot = busy_slot(pool);
    callers many{node, pool, long_queue};
    auto deadline = clock::now() + patience;
    // All are to give up at once, so all must be there before.
    if (many.queue(deadline) && clock::now() + quiet_time < deadline) {
      quiet.rounds.push_back(longest_wait(pool, other, slot, [&] {
        return clock::now() + 50ms > deadline;
      }));
      busy.rounds.push_back(longest_wait(pool, other, slot, [&] {
        return many.ended().errors == long_queue;
      }));
    } else {
      patience *= 2;
    }
    slot.result();
  }
  pool.shutdown();
  other.shutdown();
  return {beside("giveup_stall_ms", busy, quiet, bound::at_most, 50)};
}

} // namespace bench
