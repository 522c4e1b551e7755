#include <algorithm>
#include <deque>
#include <filesystem>
#include <map>
#include <random>

#include <csignal>

#include "faults/soak_ledger.hpp"
#include "support/test_main.hpp"

using namespace std::chrono_literals;
using namespace tests;

namespace {

constexpr std::size_t kills = 1000;
constexpr std::size_t runners = 4;
constexpr std::size_t slots = 4;
/// More calls at a time than there are slots, so that all runners are full when
/// one is killed, and callers wait.
constexpr int threads = 8;
constexpr int futures = 8;
constexpr int actors = 8;

constexpr std::size_t most_calls = 1 << 21;

/// Up to 2 ms, another time for each call.
std::chrono::microseconds time_of(std::size_t id) {
  return std::chrono::microseconds{id * 7919 % 2000};
}

whereabouts call_in_thread(traffic& all, std::size_t id,
                           std::chrono::microseconds time) {
  auto& ledger = all.ledger();
  try {
    auto here = flame::call(all.pool, work_by_ledger, id, ledger.descriptor(),
                            ledger.size(), time);
    all.returns(id, here);
    return here;
  } catch (const flame::call_error& error) {
    all.fails(id, error);
    return {};
  }
}

void be_thread(traffic& all) {
  for (auto id = all.open(); all.has(id); id = all.open())
    call_in_thread(all, id, time_of(id));
}

struct awaited_call {
  std::size_t id = 0;
  std::future<whereabouts> result;
};

void await(traffic& all, awaited_call& call) {
  try {
    all.returns(call.id, call.result.get());
  } catch (const flame::call_error& error) {
    all.fails(call.id, error);
  }
}

/// Has `futures` calls under way, and waits for the oldest.
void be_future(traffic& all) {
  auto& ledger = all.ledger();
  std::deque<awaited_call> open;
  for (auto id = all.open(); all.has(id); id = all.open()) {
    open.push_back(
      {id, flame::async(all.pool, work_by_ledger, id, ledger.descriptor(),
                        ledger.size(), time_of(id))});
    if (open.size() < futures)
      continue;
    await(all, open.front());
    open.pop_front();
  }
  for (auto& call : open)
    await(all, call);
}

/// Makes a call, and another one when that has ended.
void be_actor(caf::event_based_actor* self,
              const std::shared_ptr<traffic>& all) {
  auto id = all->open();
  if (!all->has(id))
    return self->quit();
  auto& ledger = all->ledger();
  flame::call(self, all->pool, work_by_ledger, id, ledger.descriptor(),
              ledger.size(), time_of(id))
    .then(
      [=](const whereabouts& here) {
        all->returns(id, here);
        be_actor(self, all);
      },
      [=](const flame::call_error& error) {
        all->fails(id, error);
        be_actor(self, all);
      });
}

/// All kinds of callers, calling all the time, until they are told to end.
class callers {
public:
  explicit callers(const std::shared_ptr<traffic>& all) : all_(all) {
    for (int i = 0; i < threads; ++i)
      threads_.emplace_back([all] {
        be_thread(*all);
      });
    threads_.emplace_back([all] {
      be_future(*all);
    });
    for (int i = 0; i < actors; ++i)
      actors_.push_back(node().system().spawn(
        [all](caf::event_based_actor* self) -> caf::behavior {
          be_actor(self, all);
          return {[](caf::unit_t) {}};
        }));
  }

  /// Waits until each call has ended, however it did.
  ~callers() {
    all_->end();
    threads_.clear();
    caf::scoped_actor self{node().system()};
    self->wait_for(actors_);
  }

private:
  std::shared_ptr<traffic> all_;
  std::vector<std::jthread> threads_;
  std::vector<caf::actor> actors_;
};

/// Kills one runner after the other, at another time after each answer.
/// @returns the process of each, by the number of the runner
std::map<unsigned, int> kill_runners(traffic& all) {
  std::minstd_rand random{4711};
  std::map<unsigned, int> killed;
  while (killed.size() < kills) {
    auto id = all.open();
    if (!all.has(id))
      break;
    auto here = call_in_thread(all, id, time_of(random()));
    // It failed with the runner that was killed last.
    if (here.pid == 0)
      continue;
    ::kill(here.pid, SIGKILL);
    killed.emplace(here.runner, here.pid);
  }
  return killed;
}

/// The failures that are not those of calls on runners that were killed.
std::vector<std::string> wrong_failures(const traffic& all,
                                        const std::map<unsigned, int>& killed) {
  std::vector<std::string> result;
  for (auto& each : all.failures()) {
    auto& entry = all.ledger()[each.id];
    auto runner = killed.find(number_of(each.runner));
    auto is_right =
      each.code == flame::errc::runner_lost && runner != killed.end()
      && each.text.find("killed by signal 9 (Killed)") != each.text.npos
      // Of a call that had not begun yet, there is the error alone.
      && (entry.runs == 0
          || (entry.runner == runner->first && entry.pid == runner->second));
    if (!is_right)
      result.push_back("call " + std::to_string(each.id) + ": "
                       + std::string{flame::to_string(each.code)} + ": "
                       + each.text + ", ran on runner "
                       + std::to_string(entry.runner));
  }
  return result;
}

std::map<unsigned, std::size_t> failures_by_runner(const traffic& all) {
  std::map<unsigned, std::size_t> result;
  for (auto& each : all.failures())
    ++result[number_of(each.runner)];
  return result;
}

std::ptrdiff_t count_of(const char* what) {
  return std::distance(
    std::filesystem::directory_iterator{std::string{"/proc/self/"} + what},
    std::filesystem::directory_iterator{});
}

} // namespace

TEST_CASE("1,000 runners that are killed under load fail their own calls "
          "only") {
  auto all = std::make_shared<traffic>(
    new_pool(
      "process",
      {.max = runners, .max_concurrency = slots, .timeout = 60s, .log = "off"}),
    most_calls);
  auto pool = all->pool;
  call_in_thread(*all, all->open(), 0us);
  auto descriptors = count_of("fd");
  auto actors_before = node().system().registry().running();
  std::map<unsigned, int> killed;
  {
    callers busy{all};
    killed = kill_runners(*all);
  }
  REQUIRE(killed.size() == kills);
  // Else callers would have stopped before the last kill.
  REQUIRE(all->issued() < most_calls);
  MESSAGE(all->issued() << " calls, " << all->failures().size() << " failed");

  CHECK(all->not_once() == 0);
  CHECK(all->repeated() == 0);
  CHECK(all->mistaken() == 0);
  auto wrong = wrong_failures(*all, killed);
  CHECK(wrong.size() == 0);
  for (std::size_t i = 0; i < std::min<std::size_t>(wrong.size(), 10); ++i)
    MESSAGE(wrong[i]);

  // It was under load: kills met calls, and most calls returned.
  auto failed = failures_by_runner(*all);
  CHECK(failed.size() > kills / 2);
  CHECK(all->returned() > all->failures().size());
  // Those that ran, and those that got the slot of one that had just ended.
  for (auto& [runner, number] : failed)
    CHECK(number <= 2 * slots);

  CHECK(eventually([&] {
    auto now = pool.stats();
    return now.lost == kills && now.boots == kills + now.runners;
  }));
  auto after = pool.stats();
  CHECK(after.in_use == 0);
  CHECK(after.queued == 0);
  CHECK(after.retired == 0);
  CHECK(after.failed_boots == 0);

  // Still the same pool, and all of it.
  std::vector<std::future<whereabouts>> calls;
  for (std::size_t i = 0; i < runners * slots; ++i) {
    auto id = all->ledger().size() - 1 - i;
    calls.push_back(flame::async(pool, work_by_ledger, id,
                                 all->ledger().descriptor(),
                                 all->ledger().size(), 10000us));
  }
  for (auto& each : calls)
    CHECK_FALSE(killed.contains(each.get().runner));
  CHECK(pool.stats().failed_boots == 0);
  pool.shutdown();
  // A thread that has called before keeps what it waits with.
  CHECK(eventually([&] {
    return count_of("fd") <= descriptors;
  }));
  CHECK(eventually([&] {
    return node().system().registry().running() <= actors_before;
  }));
}
