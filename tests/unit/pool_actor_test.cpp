#include "pool_actor.hpp"

#include <stdexcept>

#include <caf/scheduler/test_coordinator.hpp>
#include <doctest/doctest.h>

#include "call_common.hpp"
#include "supervisor_places.hpp"
#include "support/scheduler_config.hpp"
#include "welcome.hpp"

namespace {

using namespace std::chrono_literals;
using namespace flame::detail;

using flame::errc;

/// Boots nothing; what becomes of each boot, the test says.
class scripted_backend final : public flame::backend {
public:
  struct boot_order {
    flame::boot_request request;
    std::function<void(boot_result)> done;
    std::shared_ptr<int> terminations = std::make_shared<int>(0);
  };

  bool is_in_process() const noexcept override {
    return true;
  }

  void boot(flame::boot_request request,
            std::function<void(boot_result)> done) override {
    orders.push_back({std::move(request), std::move(done)});
    if (on_boot)
      on_boot();
  }

  std::vector<boot_order> orders;
  std::function<void()> on_boot;
};

class scripted_instance final : public flame::instance {
public:
  explicit scripted_instance(std::shared_ptr<int> terminations)
    : terminations_(std::move(terminations)) {
    // nop
  }

  std::string id() const override {
    return "scripted";
  }

  void terminate() override {
    ++*terminations_;
  }

private:
  std::shared_ptr<int> terminations_;
};

/// Waits in the queue for ever, or until it is served.
class waiter final : public slot_holder {
private:
  void granted() noexcept override {
    // nop
  }

  void failed() noexcept override {
    // nop
  }
};

/// A pool actor whose messages and clock are the test's.
class fixture {
public:
  explicit fixture(flame::pool_options options)
    : scheduler(
      dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler())) {
    options.log = "off";
    auto context = std::make_shared<runner_context>();
    context->gateway =
      system_.spawn([this](caf::event_based_actor*) -> caf::behavior {
        return {
          [this](expect_atom, std::uint64_t, const caf::actor& runner) {
            runners.push_back(runner);
          },
          [](forget_atom, std::uint64_t) {},
          // As the terminator of every runner.
          [](drain_atom) {},
          [this](stop_atom) {
            ++stops;
          },
        };
      });
    gateway_ = context->gateway;
    core = std::make_shared<pool_core>(
      "p", options, nullptr, nullptr, nullptr, nullptr, [] {},
      [this] {
        return scheduler.clock().now();
      });
    roster->address = places_.refer_to("pool", {});
    roster->provider = provider;
    roster->kept = options.min;
    context_ = std::move(context);
    start_actor();
  }

  ~fixture() {
    end_actor();
    places_.close({});
    caf::anon_send_exit(gateway_, caf::exit_reason::kill);
    runners.clear();
    scheduler.run();
    for (auto& each : waiters_) {
      core->table.withdraw(*each);
      core->table.release(*each);
    }
  }

  /// As the pool's supervisor does, in the beginning and after its actor ended.
  void start_actor() {
    pool = system_.spawn<pool_actor>(core, roster, context_);
    places_.set("pool", {child_place::state::present, pool});
    scheduler.run();
  }

  /// The pool's actor ends, by no wish of the pool's. What it is told before
  /// `start_actor`, and what it had not yet handled, is lost.
  void end_actor() {
    caf::anon_send_exit(pool, caf::exit_reason::kill);
    places_.set("pool", {});
    scheduler.run();
  }

  /// The pool's supervisor ends.
  void give_up() {
    end_actor();
    places_.close(caf::exit_reason::user_shutdown);
    scheduler.run();
  }

  /// Shuts the pool down; `flag` says when that is over.
  void shut_down(bool& flag) {
    asker_ = system_.spawn([&flag, this](caf::event_based_actor* self) {
      self->request(pool, caf::infinite, stop_atom::value)
        .then(
          [&flag] {
            flag = true;
          },
          [](const caf::error&) {
            // Its actor has ended.
          });
    });
    scheduler.run();
  }

  void queue(int callers) {
    for (int i = 0; i < callers; ++i) {
      waiters_.push_back(std::make_unique<waiter>());
      core->table.acquire(*waiters_.back(), false);
    }
    caf::anon_send(pool, grow_atom::value);
    scheduler.run();
  }

  /// The backend's answer to boot number `which`.
  void start(std::size_t which) {
    auto& order = provider->orders.at(which);
    order.done(std::make_shared<scripted_instance>(order.terminations));
    scheduler.run();
  }

  void fail(std::size_t which) {
    provider->orders.at(which).done(
      flame::make_error(errc::boot_failed, "quota exceeded"));
  }

  /// The runner of boot number `which` says hello. Empty: it is let in.
  caf::error join(std::size_t which) {
    caf::error refusal;
    caf::scoped_actor self{system_};
    auto answer =
      self->request(runners.at(which), caf::infinite, join_atom::value,
                    to_bytes(hello{1, thunk_modules()}), gateway_, gateway_);
    scheduler.run();
    answer.receive([] {},
                   [&](const caf::error& why) {
                     refusal = why;
                   });
    return refusal;
  }

  /// The work of waiter number `which` does not end although it was asked to.
  void wedge(std::size_t which) {
    core->table.report_wedged(*waiters_.at(which));
    scheduler.run();
  }

  void release(std::size_t which) {
    core->table.release(*waiters_.at(which));
    scheduler.run();
  }

  /// Boot number `which` succeeds.
  void boot(std::size_t which) {
    start(which);
    REQUIRE_FALSE(join(which));
  }

  /// The instance of boot number `which` has ended.
  void end(std::size_t which) {
    provider->orders.at(which).request.on_exit({});
    scheduler.run();
  }

  void pass(std::chrono::nanoseconds time) {
    scheduler.advance_time(time);
    scheduler.run();
  }

private:
  tests::manual_scheduling config_;
  caf::actor_system system_{config_};
  child_places places_{system_};
  caf::actor gateway_;
  caf::actor asker_;
  std::shared_ptr<const runner_context> context_;
  std::vector<std::unique_ptr<waiter>> waiters_;

public:
  caf::scheduler::test_coordinator& scheduler;
  std::shared_ptr<scripted_backend> provider =
    std::make_shared<scripted_backend>();
  /// The runner actors, in the order of their boots.
  std::vector<caf::actor> runners;
  std::shared_ptr<pool_core> core;
  std::shared_ptr<pool_roster> roster = std::make_shared<pool_roster>();
  caf::actor pool;
  /// How often a runner was told to stop.
  int stops = 0;
};

TEST_CASE("boots that fail together delay the next one like a single failure") {
  fixture world{{.max = 10, .max_concurrency = 1}};
  world.queue(10);
  auto& orders = world.provider->orders;
  REQUIRE(orders.size() == 10);
  for (std::size_t i = 0; i < 10; ++i)
    world.fail(i);
  world.scheduler.run();
  CHECK(world.core->count.failed_boots == 10);
  world.pass(99ms);
  CHECK(orders.size() == 10);
  world.pass(1ms);
  CHECK(orders.size() == 11);
}

TEST_CASE("boots that fail one after the other are delayed ever longer") {
  fixture world{{.max = 10, .max_concurrency = 1}};
  world.queue(1);
  auto& orders = world.provider->orders;
  for (auto delay :
       {100ms, 200ms, 400ms, 800ms, 1600ms, 3200ms, 5000ms, 5000ms}) {
    auto before = orders.size();
    world.fail(before - 1);
    world.scheduler.run();
    world.pass(delay - 1ms);
    CHECK(orders.size() == before);
    world.pass(1ms);
    CHECK(orders.size() == before + 1);
  }
}

TEST_CASE("once a boot has succeeded, the queue gets all runners it needs") {
  fixture world{{.max = 10, .max_concurrency = 1}};
  world.queue(10);
  auto& orders = world.provider->orders;
  for (std::size_t i = 0; i < 10; ++i)
    world.fail(i);
  world.scheduler.run();
  world.pass(100ms);
  REQUIRE(orders.size() == 11);
  world.start(10);
  CHECK(orders.size() == 11);
  CHECK_FALSE(world.join(10));
  CHECK(orders.size() == 20);
}

TEST_CASE("a runner that is not needed any more is not let in") {
  fixture world{{.max = 1}};
  world.queue(1);
  world.start(0);
  caf::anon_send(world.pool, stop_atom::value);
  world.scheduler.run();
  CHECK(*world.provider->orders[0].terminations == 1);
  CHECK(world.join(0));
  CHECK(world.core->table.count().runners == 0);
}

TEST_CASE("a runner that joins after boot_timeout is not let in") {
  fixture world{{.max = 1, .boot_timeout = 1s}};
  world.queue(1);
  world.start(0);
  world.pass(1s);
  CHECK(*world.provider->orders[0].terminations == 1);
  CHECK(world.join(0));
  CHECK(world.core->table.count().runners == 0);
  CHECK(world.core->table.count().queued == 1);
}

TEST_CASE("a runner whose end is not reported frees its place all the same") {
  fixture world{{.max = 1, .boot_timeout = 1s}};
  world.queue(1);
  world.start(0);
  world.pass(1s);
  REQUIRE(*world.provider->orders[0].terminations == 1);
  world.pass(4999ms);
  CHECK(world.core->count.failed_boots == 0);
  world.pass(1ms);
  CHECK(world.core->count.failed_boots == 1);
  REQUIRE(world.core->boot_problem());
  CHECK(world.core->boot_problem()->message.find(
          "its backend did not report its end")
        != std::string::npos);
  world.pass(100ms);
  CHECK(world.provider->orders.size() == 2);
}

TEST_CASE("a pool ends although its backend never answers to a boot") {
  fixture world{{.max = 1, .boot_timeout = flame::infinite}};
  world.queue(1);
  bool has_ended = false;
  world.shut_down(has_ended);
  CHECK_FALSE(has_ended);
  CHECK(world.provider->orders[0].request.cancelled.stop_requested());
  world.pass(5s);
  CHECK(has_ended);
}

TEST_CASE("a pool ends although its backend reports no end") {
  fixture world{{.max = 1, .shutdown_timeout = 1s}};
  world.queue(1);
  world.start(0);
  REQUIRE_FALSE(world.join(0));
  bool has_ended = false;
  world.shut_down(has_ended);
  world.pass(1s);
  CHECK(*world.provider->orders[0].terminations == 1);
  CHECK_FALSE(has_ended);
  world.pass(5s);
  CHECK(has_ended);
}

TEST_CASE("a wedged runner is ended once nothing else runs there") {
  fixture world{{.max = 1, .max_concurrency = 2}};
  world.queue(2);
  world.start(0);
  REQUIRE_FALSE(world.join(0));
  auto& order = world.provider->orders[0];
  world.wedge(0);
  CHECK(*order.terminations == 0);
  world.release(1);
  CHECK(*order.terminations == 1);
  order.request.on_exit({});
  world.scheduler.run();
  CHECK(world.core->count.lost == 1);
}

TEST_CASE(
  "a runner that counts as ended is told to stop, should it still run") {
  fixture world{{.max = 1}};
  world.queue(1);
  world.start(0);
  REQUIRE_FALSE(world.join(0));
  world.wedge(0);
  CHECK(world.stops == 0);
  world.pass(5s);
  CHECK(world.core->count.lost == 1);
  CHECK(world.stops == 1);
}

TEST_CASE("a wedged runner is ended after drain_timeout, whatever runs there") {
  fixture world{{.max = 1, .max_concurrency = 2, .drain_timeout = 10s}};
  world.queue(2);
  world.start(0);
  REQUIRE_FALSE(world.join(0));
  auto& order = world.provider->orders[0];
  world.wedge(0);
  world.pass(9999ms);
  CHECK(*order.terminations == 0);
  world.pass(1ms);
  CHECK(*order.terminations == 1);
}

TEST_CASE("a wedged runner of min is replaced before it has ended") {
  fixture world{{.min = 1, .max = 2, .max_concurrency = 2}};
  world.start(0);
  REQUIRE_FALSE(world.join(0));
  world.queue(2);
  REQUIRE(world.provider->orders.size() == 1);
  world.wedge(0);
  CHECK(world.provider->orders.size() == 2);
}

TEST_CASE("a pool that shuts down does not wait for wedged work") {
  fixture world{{.max = 1, .shutdown_timeout = flame::infinite}};
  world.queue(1);
  world.start(0);
  REQUIRE_FALSE(world.join(0));
  caf::anon_send(world.pool, stop_atom::value);
  world.scheduler.run();
  world.pass(1h);
  CHECK(*world.provider->orders[0].terminations == 0);
  world.wedge(0);
  world.pass(5s);
  CHECK(*world.provider->orders[0].terminations == 1);
}

TEST_CASE("a boot_timeout that is infinite sets no timer") {
  fixture world{{.max = 1, .boot_timeout = flame::infinite}};
  world.queue(1);
  CHECK_FALSE(world.scheduler.has_pending_timeout());
  CHECK(world.provider->orders[0].request.deadline == time_point::max());
}

TEST_CASE("an exception of a backend is the cause of the failed boot") {
  fixture world{{.max = 1}};
  std::string expected = "quota exceeded";
  SUBCASE("of the standard library") {
    world.provider->on_boot = [&] {
      throw std::runtime_error{expected};
    };
  }
  SUBCASE("of flame") {
    world.provider->on_boot = [&] {
      throw flame::call_error{errc::backend_failed, expected};
    };
  }
  SUBCASE("of no kind that says what") {
    expected = "unknown";
    world.provider->on_boot = [] {
      throw 42;
    };
  }
  world.queue(1);
  REQUIRE(world.core->boot_problem());
  CHECK(world.core->boot_problem()->code == errc::boot_failed);
  CHECK(world.core->boot_problem()->message.find(expected)
        != std::string::npos);
}

TEST_CASE("a caller who waited in vain is told of boots while none succeeds") {
  fixture world{{.max = 2, .max_concurrency = 1}};
  world.queue(1);
  world.fail(0);
  world.scheduler.run();
  auto error = queue_timeout(*world.core);
  CHECK(error.code() == errc::boot_failed);
  CHECK(std::string{error.what()}.find("quota exceeded") != std::string::npos);
}

TEST_CASE("a caller who waited for busy runners had a timeout, boots or not") {
  fixture world{{.max = 2, .max_concurrency = 1}};
  world.queue(1);
  world.start(0);
  REQUIRE_FALSE(world.join(0));
  world.queue(1);
  world.fail(1);
  world.scheduler.run();
  auto error = queue_timeout(*world.core);
  CHECK(error.code() == errc::timeout);
  CHECK(std::string{error.what()}.find("1 runners, 1 slots in use")
        != std::string::npos);
  CHECK(std::string{error.what()}.find("quota exceeded") != std::string::npos);
}

TEST_CASE("a runner of single_use goes once its slot has come back") {
  fixture world{{.max = 2, .max_concurrency = 1, .single_use = true}};
  world.queue(1);
  world.boot(0);
  CHECK(world.stops == 0);
  world.release(0);
  CHECK(world.stops == 1);
  world.end(0);
  CHECK(world.core->count.retired == 1);
  CHECK(world.core->count.lost == 0);
}

TEST_CASE("the queue gets another runner for each that is used up") {
  fixture world{{.max = 2, .max_concurrency = 1, .single_use = true}};
  world.queue(3);
  auto& orders = world.provider->orders;
  REQUIRE(orders.size() == 2);
  world.boot(0);
  world.boot(1);
  world.release(0);
  // Both places are taken until the first one has ended.
  CHECK(orders.size() == 2);
  world.end(0);
  REQUIRE(orders.size() == 3);
  world.boot(2);
  CHECK(world.core->table.count().queued == 0);
}

TEST_CASE("a runner of min that is used up is replaced") {
  fixture world{{.min = 1, .max = 2, .max_concurrency = 1, .single_use = true}};
  world.boot(0);
  world.queue(1);
  REQUIRE(world.provider->orders.size() == 1);
  world.release(0);
  CHECK(world.provider->orders.size() == 2);
}

TEST_CASE("a runner of single_use that is wedged is ended by force") {
  fixture world{{.max = 1, .max_concurrency = 1, .single_use = true}};
  world.queue(1);
  world.boot(0);
  world.wedge(0);
  CHECK(*world.provider->orders[0].terminations == 1);
  world.release(0);
  world.end(0);
  CHECK(world.core->count.lost == 1);
}

TEST_CASE(
  "idle runners above min go first, those of min after their own time") {
  fixture world{{.min = 1,
                 .max = 2,
                 .max_concurrency = 1,
                 .idle_shutdown_after = 10s,
                 .min_idle_shutdown_after = 60s}};
  world.boot(0);
  world.queue(2);
  world.boot(1);
  world.release(0);
  world.release(1);
  world.pass(9999ms);
  CHECK(world.core->table.count().runners == 2);
  CHECK(world.stops == 0);
  world.pass(1ms);
  CHECK(world.stops == 1);
  world.end(0);
  auto before = world.stops;
  world.pass(49'999ms);
  CHECK(world.stops == before);
  world.pass(1ms);
  CHECK(world.stops == before + 1);
  world.end(1);
  CHECK(world.core->count.retired == 2);
}

TEST_CASE("runners of min that went while idle come back with the next call") {
  fixture world{
    {.min = 2, .max = 4, .max_concurrency = 1, .min_idle_shutdown_after = 60s}};
  world.boot(0);
  world.boot(1);
  world.pass(60s);
  CHECK(world.stops == 2);
  world.end(0);
  world.end(1);
  auto& orders = world.provider->orders;
  world.pass(1h);
  REQUIRE(orders.size() == 2);
  world.queue(1);
  CHECK(orders.size() == 4);
}

TEST_CASE("a runner of min that is not idle for ever stays while it has work") {
  fixture world{
    {.min = 1, .max_concurrency = 1, .min_idle_shutdown_after = 60s}};
  world.boot(0);
  world.queue(1);
  world.pass(10min);
  CHECK(world.stops == 0);
  world.release(0);
  world.pass(59'999ms);
  CHECK(world.stops == 0);
  world.pass(60s);
  CHECK(world.stops == 1);
}

TEST_CASE("runners of min stay for ever where nothing else is said") {
  fixture world{{.min = 1, .idle_shutdown_after = 1s}};
  world.boot(0);
  world.pass(1000h);
  CHECK(world.stops == 0);
}

TEST_CASE(
  "idle_check keeps a runner, and is asked again when time has passed") {
  int questions = 0;
  bool may_go = false;
  fixture world{{.max = 1,
                 .idle_shutdown_after = 10s,
                 .idle_check = [&](const flame::runner_info& runner) {
                   CHECK(runner.pool == "p");
                   CHECK(runner.runner == "p-1");
                   CHECK(runner.runners == 1);
                   ++questions;
                   return may_go;
                 }}};
  world.queue(1);
  world.boot(0);
  world.pass(1h);
  CHECK(questions == 0);
  world.release(0);
  world.pass(10s);
  world.pass(9s);
  CHECK(questions == 1);
  world.pass(1s);
  CHECK(questions == 2);
  CHECK(world.stops == 0);
  may_go = true;
  world.pass(10s);
  CHECK(questions == 3);
  CHECK(world.stops == 1);
}

TEST_CASE("an exception of idle_check keeps the runner and harms nobody") {
  int questions = 0;
  fixture world{{.max = 1,
                 .max_concurrency = 1,
                 .idle_shutdown_after = 10s,
                 .idle_check = [&](const flame::runner_info&) -> bool {
                   if (++questions == 1)
                     throw std::runtime_error("no idea");
                   throw 42;
                 }}};
  world.queue(1);
  world.boot(0);
  world.release(0);
  world.pass(10s);
  world.pass(10s);
  CHECK(questions == 2);
  CHECK(world.stops == 0);
  world.queue(1);
  CHECK(world.core->table.count().queued == 0);
}

/// What the hooks of a pool were told, in order.
struct diary {
  std::vector<std::string> entries;

  void write(const char* what, const flame::runner_info& about,
             const std::string& why = {}) {
    entries.push_back(std::string{what} + ' ' + about.runner + ' '
                      + std::to_string(about.runners) + why);
  }

  void keep_for(flame::pool_options& options) {
    options.on_grow_start = [this](const flame::runner_info& about) {
      write("start", about);
    };
    options.on_grow_end = [this](const flame::runner_info& about,
                                 const flame::call_error* why) {
      write("end", about, why ? std::string{": "} + why->what() : "");
    };
    options.on_shrink = [this](const flame::runner_info& about) {
      write("shrink", about);
    };
  }
};

TEST_CASE("hooks are told of each boot, its end, and of runners that go") {
  diary told;
  flame::pool_options options{
    .max = 2, .max_concurrency = 1, .idle_shutdown_after = 10s};
  told.keep_for(options);
  fixture world{options};
  world.queue(3);
  world.boot(0);
  world.boot(1);
  world.end(1);
  world.boot(2);
  world.release(0);
  world.release(2);
  world.pass(10s);
  world.end(0);
  world.end(2);
  CHECK(told.entries
        == std::vector<std::string>{"start p-1 0", "start p-2 0", "end p-1 1",
                                    "end p-2 2", "shrink p-2 1", "start p-3 1",
                                    "end p-3 2", "shrink p-1 0",
                                    "shrink p-3 0"});
}

TEST_CASE("three casts where two find a place grow a pool exactly twice") {
  diary told;
  flame::pool_options options{.max = 2, .max_concurrency = 1};
  told.keep_for(options);
  fixture world{options};
  for (int i = 0; i < 3; ++i)
    world.queue(1);
  world.boot(0);
  world.boot(1);
  world.release(0);
  CHECK(told.entries
        == std::vector<std::string>{"start p-1 0", "start p-2 0", "end p-1 1",
                                    "end p-2 2"});
}

TEST_CASE(
  "a boot that fails is told with its reason, tried again, and serves") {
  diary told;
  flame::pool_options options{.max = 1};
  told.keep_for(options);
  fixture world{options};
  world.queue(1);
  world.fail(0);
  world.scheduler.run();
  world.pass(100ms);
  world.boot(1);
  CHECK(told.entries
        == std::vector<std::string>{"start p-1 0", "end p-1 0: quota exceeded",
                                    "start p-2 0", "end p-2 1"});
  CHECK(world.core->table.count().queued == 0);
}

TEST_CASE("exceptions thrown in hooks harm nobody") {
  int calls = 0;
  auto fails = [&](const flame::runner_info&) {
    if (++calls % 2)
      throw std::runtime_error("the hook is broken");
    throw 42;
  };
  fixture world{
    {.max = 1,
     .on_grow_start = fails,
     .on_grow_end =
       [&](const flame::runner_info& about, const flame::call_error*) {
         fails(about);
       },
     .on_shrink = fails}};
  world.queue(1);
  world.fail(0);
  world.scheduler.run();
  world.pass(100ms);
  world.boot(1);
  CHECK(world.core->table.count().queued == 0);
  world.end(1);
  CHECK(world.core->count.lost == 1);
  CHECK(calls == 5);
}

TEST_CASE("a runner of min that is lost is replaced at once") {
  fixture world{{.min = 2, .max = 2}};
  world.boot(0);
  world.boot(1);
  world.end(0);
  CHECK(world.core->count.lost == 1);
  CHECK(world.provider->orders.size() == 3);
}

TEST_CASE("callers who wait get a new runner when the only one is lost") {
  fixture world{{.max = 1, .max_concurrency = 1}};
  world.queue(3);
  world.boot(0);
  REQUIRE(world.provider->orders.size() == 1);
  world.end(0);
  REQUIRE(world.provider->orders.size() == 2);
  world.boot(1);
  CHECK(world.core->table.count().queued == 1);
}

// -- another actor for the pool -----------------------------------------------

TEST_CASE("a pool's next actor adopts its runners, and its callers know "
          "nothing of it") {
  diary told;
  flame::pool_options options{
    .max = 1, .max_concurrency = 1, .idle_shutdown_after = 10s};
  told.keep_for(options);
  fixture world{options};
  world.queue(2);
  world.boot(0);
  world.end_actor();
  CHECK(world.core->table.count().runners == 1);
  CHECK(world.core->table.count().in_use == 1);
  CHECK(world.core->table.count().queued == 1);
  world.start_actor();
  CHECK(world.provider->orders.size() == 1);
  CHECK(*world.provider->orders[0].terminations == 0);
  world.release(0);
  CHECK(world.core->table.count().queued == 0);
  world.release(1);
  world.pass(10s);
  CHECK(world.stops == 1);
  world.end(0);
  CHECK(world.core->count.retired == 1);
  CHECK(
    told.entries
    == std::vector<std::string>{"start p-1 0", "end p-1 1", "shrink p-1 0"});
}

TEST_CASE("a pool's next actor replaces runners as the last one did") {
  fixture world{{.max = 1, .max_concurrency = 1}};
  world.queue(2);
  world.boot(0);
  world.end_actor();
  world.start_actor();
  world.end(0);
  CHECK(world.core->count.lost == 1);
  REQUIRE(world.provider->orders.size() == 2);
  CHECK(world.provider->orders[1].request.runner == "p-2");
  world.boot(1);
  CHECK(world.core->table.count().queued == 0);
}

TEST_CASE("callers who come while a pool has no actor are seen by the next") {
  fixture world{{.max = 1}};
  world.end_actor();
  world.queue(1);
  REQUIRE(world.provider->orders.empty());
  world.start_actor();
  CHECK(world.provider->orders.size() == 1);
}

TEST_CASE("a runner that gets ready while its pool has no actor is known") {
  diary told;
  flame::pool_options options{.max = 1, .idle_shutdown_after = 10s};
  told.keep_for(options);
  fixture world{options};
  world.queue(1);
  world.start(0);
  world.end_actor();
  REQUIRE_FALSE(world.join(0));
  CHECK(world.core->table.count().queued == 0);
  CHECK(world.core->count.booting == 1);
  world.start_actor();
  CHECK(world.core->count.booting == 0);
  CHECK(told.entries == std::vector<std::string>{"start p-1 0", "end p-1 1"});
  world.release(0);
  world.pass(10s);
  CHECK(world.stops == 1);
}

TEST_CASE("a runner that is lost while its pool has no actor is replaced") {
  fixture world{{.min = 1, .max = 1}};
  world.boot(0);
  world.end_actor();
  world.end(0);
  CHECK(world.core->table.count().runners == 0);
  world.start_actor();
  CHECK(world.core->count.lost == 1);
  CHECK(world.provider->orders.size() == 2);
}

TEST_CASE("a boot that fails while its pool has no actor is tried again") {
  fixture world{{.max = 1}};
  world.queue(1);
  world.end_actor();
  world.fail(0);
  world.scheduler.run();
  world.start_actor();
  CHECK(world.core->count.failed_boots == 1);
  world.pass(100ms);
  REQUIRE(world.provider->orders.size() == 2);
  world.boot(1);
  CHECK(world.core->table.count().queued == 0);
}

TEST_CASE("a runner that is wedged while its pool has no actor is replaced") {
  fixture world{{.min = 1, .max = 2, .max_concurrency = 2}};
  world.boot(0);
  world.queue(2);
  world.end_actor();
  world.wedge(0);
  world.start_actor();
  CHECK(world.provider->orders.size() == 2);
}

TEST_CASE("a runner that has had its single use while its pool has no actor") {
  fixture world{{.max = 1, .max_concurrency = 1, .single_use = true}};
  world.queue(2);
  world.boot(0);
  world.end_actor();
  world.release(0);
  CHECK(world.stops == 1);
  world.start_actor();
  world.end(0);
  CHECK(world.core->count.retired == 1);
  CHECK(world.core->count.lost == 0);
  CHECK(world.provider->orders.size() == 2);
}

TEST_CASE("the pause after boots that fail goes on with the next actor") {
  fixture world{{.max = 1}};
  world.queue(1);
  world.fail(0);
  world.scheduler.run();
  world.end_actor();
  world.start_actor();
  CHECK(world.provider->orders.size() == 1);
  world.pass(99ms);
  CHECK(world.provider->orders.size() == 1);
  world.pass(1ms);
  CHECK(world.provider->orders.size() == 2);
}

TEST_CASE("a pool that shuts down goes on doing so with its next actor") {
  fixture world{{.max = 1, .max_concurrency = 1}};
  world.queue(2);
  world.boot(0);
  bool has_ended = false;
  world.shut_down(has_ended);
  world.end_actor();
  world.start_actor();
  CHECK_FALSE(has_ended);
  CHECK(world.core->table.count().queued == 0);
  world.shut_down(has_ended);
  CHECK_FALSE(has_ended);
  world.release(0);
  world.end(0);
  CHECK(has_ended);
  CHECK(world.provider->orders.size() == 1);
  CHECK_FALSE(world.roster->provider);
}

TEST_CASE("runners end with their pool where it gets no other actor") {
  fixture world{{.max = 1}};
  world.queue(1);
  world.boot(0);
  world.give_up();
  CHECK(world.core->table.count().runners == 0);
  CHECK(world.stops == 1);
}

} // namespace
