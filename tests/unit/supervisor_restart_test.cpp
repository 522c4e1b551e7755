#include <set>

#include "support/supervisor_world.hpp"

namespace {

using namespace tests;
using flame::auto_shutdown;

const caf::error normal;
const caf::error shutdown_reason = caf::exit_reason::user_shutdown;

using numbers = std::vector<std::size_t>;

// -- permanent, transient, temporary ------------------------------------------

TEST_CASE("which ends are followed by a restart") {
  struct row {
    restart how;
    caf::error reason;
    std::string states;
  };
  caf::error gave_up = flame::make_error(errc::restart_intensity, "");
  caf::error killed = caf::exit_reason::kill;
  for (auto& [how, reason, states] : std::vector<row>{
         {restart::permanent, normal, "a running"},
         {restart::permanent, shutdown_reason, "a running"},
         {restart::permanent, gave_up, "a running"},
         {restart::permanent, other_reason(), "a running"},
         {restart::permanent, killed, "a running"},
         {restart::transient, normal, "a stopped"},
         {restart::transient, shutdown_reason, "a stopped"},
         {restart::transient, gave_up, "a stopped"},
         {restart::transient, other_reason(), "a running"},
         {restart::transient, killed, "a running"},
         {restart::temporary, normal, ""},
         {restart::temporary, shutdown_reason, ""},
         {restart::temporary, gave_up, ""},
         {restart::temporary, other_reason(), ""},
         {restart::temporary, killed, ""},
       }) {
    world w;
    w.begin({.intensity = 2, .period = 1h, .children = w.specs({"a"}, how)});
    auto before = w.handle("a");
    w.end("a", reason);
    CHECK(w.states() == states);
    CHECK_FALSE(w.ended);
    if (states == "a running")
      CHECK(w.handle("a") != before);
  }
}

TEST_CASE("an exception in a handler is an end as any other") {
  world w{{}};
  auto throws = [](caf::event_based_actor* self) -> caf::behavior {
    self->set_exception_handler([](std::exception_ptr&) -> caf::error {
      return caf::exit_reason::unhandled_exception;
    });
    return {[](end_atom) {
      throw std::runtime_error("broken");
    }};
  };
  REQUIRE(w.start({.id = "a", .start = throws, .restart = restart::transient}));
  auto before = w.handle("a");
  caf::anon_send(before, end_atom::value);
  w.run();
  CHECK(w.states() == "a running");
  CHECK(w.handle("a") != before);
}

TEST_CASE("a temporary child that others take along is not restarted") {
  world w;
  auto mode = strategy::one_for_all;
  SUBCASE("one_for_all") {
    mode = strategy::one_for_all;
  }
  SUBCASE("rest_for_one") {
    mode = strategy::rest_for_one;
  }
  w.begin(
    {.strategy = mode,
     .intensity = 2,
     .period = 300s,
     .children = {w.spec("a"), w.spec("b", restart::temporary), w.spec("c")}});
  w.log.news();
  w.end("a", normal);
  CHECK(w.log.news() == "-a -c -b +a +c");
  CHECK(w.states() == "a running, c running");
  CHECK_FALSE(w.ended);
}

// -- strategies ---------------------------------------------------------------

TEST_CASE("one_for_one restarts the child that has ended, and no other") {
  world w;
  w.begin({.intensity = 2, .period = 1h, .children = w.specs({"a", "b", "c"})});
  w.log.news();
  w.end("b");
  CHECK(w.log.news() == "-b +b");
  CHECK(w.counts() == numbers{3, 3, 0, 3});
  w.end("a");
  CHECK(w.log.news() == "-a +a");
  w.end("c");
  CHECK(w.log.news() == "-c -b -a");
  CHECK(w.ended_with(errc::restart_intensity));
}

TEST_CASE("one_for_all stops all others from right to left and starts all") {
  world w;
  w.begin({.strategy = strategy::one_for_all,
           .intensity = 2,
           .period = 1h,
           .children = w.specs({"a", "b", "c"})});
  w.log.news();
  auto a = w.handle("a");
  w.end("b");
  CHECK(w.log.news() == "-b -c -a +a +b +c");
  CHECK(w.handle("a") != a);
  CHECK(w.counts() == numbers{3, 3, 0, 3});
  w.end("c");
  CHECK(w.log.news() == "-c -b -a +a +b +c");
  w.end("a");
  CHECK(w.log.news() == "-a -c -b");
  CHECK(w.ended_with(errc::restart_intensity));
}

TEST_CASE(
  "rest_for_one restarts those to the right of the one that has ended") {
  world w;
  w.begin({.strategy = strategy::rest_for_one,
           .intensity = 2,
           .period = 1h,
           .children = w.specs({"a", "b", "c", "d"})});
  w.log.news();
  auto a = w.handle("a");
  w.end("b");
  CHECK(w.log.news() == "-b -d -c +b +c +d");
  CHECK(w.handle("a") == a);
  CHECK(w.counts() == numbers{4, 4, 0, 4});
  w.end("d");
  CHECK(w.log.news() == "-d +d");
  w.end("c");
  CHECK(w.log.news() == "-c -d -b -a");
  CHECK(w.ended_with(errc::restart_intensity));
}

TEST_CASE(
  "a dynamic supervisor restarts the child that has ended, by its name") {
  world w;
  auto one = w.spec("x");
  one.start = flame::here(probe, &w.log);
  w.begin({.strategy = strategy::dynamic,
           .intensity = 2,
           .period = 1h,
           .children = {one}});
  for (auto id : {"a", "b"})
    REQUIRE(w.start_one(id));
  w.log.news();
  auto b = w.handle("x-2");
  w.end("x-1");
  CHECK(w.log.news() == "-a +a");
  CHECK(w.states() == "x-1 running, x-2 running");
  CHECK(w.handle("x-2") == b);
  CHECK(w.counts() == numbers{1, 2, 0, 2});
  w.end("x-2");
  w.log.news();
  w.end("x-2");
  CHECK(w.ended_with(errc::restart_intensity));
  CHECK(w.log.news() == "-b -a");
}

TEST_CASE("dynamic children with extra information are restarted as others") {
  world w;
  auto with_info = [&](caf::event_based_actor* self) {
    return flame::started{self->spawn(probe, &w.log, std::string{"a"}),
                          caf::make_message("extra")};
  };
  w.begin({.strategy = strategy::dynamic,
           .intensity = 2,
           .period = 1h,
           .children = {{.id = "x", .start = with_info}}});
  auto child = w.start_one();
  REQUIRE(child);
  CHECK(child->info.match_elements<std::string>());
  w.end("x-1");
  CHECK(w.which().at(0).info.match_elements<std::string>());
  CHECK(w.which().at(0).handle != child->handle);
}

TEST_CASE("an attempt to restart that fails counts as a restart: escalation") {
  world w;
  auto mode = strategy::one_for_one;
  std::string expected;
  SUBCASE("one_for_one") {
    mode = strategy::one_for_one;
    expected = "-a -b";
  }
  SUBCASE("one_for_all") {
    mode = strategy::one_for_all;
    expected = "-a -b";
  }
  SUBCASE("rest_for_one") {
    mode = strategy::rest_for_one;
    expected = "-a -b";
  }
  w.begin({.strategy = mode,
           .intensity = 4,
           .period = 1h,
           .children = w.specs({"a", "b"})});
  w.log.news();
  w.log.failures["a"] = -1;
  w.end("a");
  CHECK(w.log.news() == expected);
  CHECK(w.log.starts["a"] == 5);
  REQUIRE(w.ended);
  CHECK(flame::describe(*w.ended)
        == "restart_intensity: supervisor supervisor gave up on child a "
           "(child_failed: the initialisation of the child failed: a cannot "
           "start): more than 4 restarts within 3600 s (intensity, period)");
}

TEST_CASE(
  "an attempt to restart that fails counts with dynamic children, too") {
  world w;
  auto one = w.spec("x");
  one.start = flame::here(probe, &w.log);
  w.begin({.strategy = strategy::dynamic,
           .intensity = 4,
           .period = 1h,
           .children = {one}});
  for (auto id : {"a", "b"})
    REQUIRE(w.start_one(id));
  w.log.failures["a"] = -1;
  w.end("x-1");
  CHECK(w.ended_with(errc::restart_intensity));
  CHECK(w.log.news() == "+a +b -a -b");
  CHECK(w.log.starts["a"] == 5);
}

TEST_CASE("one_for_all begins anew when another child fails to restart") {
  world w;
  w.begin({.strategy = strategy::one_for_all,
           .intensity = 3,
           .period = 1h,
           .children = w.specs({"a", "b", "c"})});
  w.log.news();
  w.log.failures["b"] = 1;
  w.end("a");
  CHECK(w.log.news() == "-a -c -b +a -a +a +b +c");
  CHECK(w.counts() == numbers{3, 3, 0, 3});
}

TEST_CASE("rest_for_one goes on at another child that fails to restart") {
  world w;
  w.begin({.strategy = strategy::rest_for_one,
           .intensity = 3,
           .period = 1h,
           .children = w.specs({"a", "b", "c"})});
  w.log.news();
  w.log.failures["b"] = 1;
  w.end("a");
  CHECK(w.log.news() == "-a -c -b +a +b +c");
  CHECK(w.counts() == numbers{3, 3, 0, 3});
}

TEST_CASE("one_for_all starts children, too, that were stopped by request") {
  world w;
  w.begin({.strategy = strategy::one_for_all,
           .children = {w.spec("a"), w.spec("b", restart::transient)}});
  REQUIRE(w.terminate("b"));
  w.end("a");
  CHECK(w.states() == "a running, b running");
}

TEST_CASE("a child that ends while others are stopped for it counts as one of "
          "them") {
  world w;
  w.begin({.strategy = strategy::one_for_all,
           .intensity = 1,
           .period = 1h,
           .children = w.specs({"a", "b", "c"})});
  caf::anon_send(w.handle("c"), trap_atom::value, std::optional<caf::error>{});
  auto b = w.handle("b");
  w.run();
  w.log.news();
  w.end("a");
  CHECK(w.states() == "a restarting, b running, c stopping");
  w.end(b, other_reason());
  w.pass(1s);
  CHECK(w.log.news() == "-a -b -c +a +b +c");
  CHECK_FALSE(w.ended);
}

TEST_CASE("a child to the left that ends during a sweep extends it") {
  world w;
  w.begin({.strategy = strategy::rest_for_one,
           .intensity = 2,
           .period = 1h,
           .children = w.specs({"a", "b", "c"})});
  caf::anon_send(w.handle("c"), trap_atom::value, std::optional<caf::error>{});
  auto a = w.handle("a");
  w.run();
  w.log.news();
  w.end("b");
  w.end(a, other_reason());
  w.pass(1s);
  CHECK(w.log.news() == "-b -a -c +a +b +c");
  CHECK(w.counts() == numbers{3, 3, 0, 3});
}

TEST_CASE("a child that is stopped by request during a sweep stays stopped") {
  world w;
  w.begin({.strategy = strategy::one_for_all,
           .intensity = 2,
           .period = 1h,
           .children = w.specs({"a", "b", "c"})});
  caf::anon_send(w.handle("c"), trap_atom::value, std::optional<caf::error>{});
  w.run();
  w.end("a");
  REQUIRE(w.terminate("b"));
  w.pass(1s);
  CHECK(w.states() == "a running, b stopped, c running");
}

TEST_CASE("a supervisor that is told to end during a sweep starts none again") {
  world w;
  w.begin({.strategy = strategy::one_for_all,
           .intensity = 2,
           .period = 1h,
           .children = w.specs({"a", "b", "c"})});
  caf::anon_send(w.handle("c"), trap_atom::value, std::optional<caf::error>{});
  w.run();
  w.log.news();
  w.end("a");
  w.shut_down();
  w.pass(1s);
  CHECK(w.log.news() == "-a -c -b");
  CHECK(w.ended_with(caf::exit_reason::user_shutdown));
}

// -- intensity ----------------------------------------------------------------

TEST_CASE("restarts count within the period, and not beyond it") {
  world w;
  w.begin({.intensity = 1, .period = 1s, .children = w.specs({"a"})});
  for (int i = 0; i < 4; ++i) {
    w.end("a");
    REQUIRE_FALSE(w.ended);
    w.pass(1001ms);
  }
  w.end("a");
  w.pass(1000ms);
  w.end("a");
  CHECK(w.ended_with(errc::restart_intensity));
}

TEST_CASE("an intensity of 0 allows no restart") {
  world w;
  w.begin({.intensity = 0, .children = w.specs({"a", "b"})});
  w.log.news();
  w.end("a");
  CHECK(w.log.news() == "-a -b");
  CHECK(w.ended_with(errc::restart_intensity));
}

TEST_CASE("a supervisor whose nested one gives up restarts that one") {
  world w;
  w.begin(
    {.intensity = 1,
     .period = 1h,
     .children = {
       {.id = "sub",
        .start = supervisor_options{
          .intensity = 0, .log = "off", .children = w.specs({"a", "b"})}}}});
  auto sub = w.handle("sub");
  w.log.news();
  w.end(w.handle_in(sub, "a"), other_reason());
  CHECK(w.log.news() == "-a -b +a +b");
  CHECK(w.handle("sub") != sub);
  w.end(w.handle_in(w.handle("sub"), "a"), other_reason());
  CHECK(w.ended_with(errc::restart_intensity));
  CHECK(w.log.news() == "-a -b");
}

// -- a restart that does not succeed ------------------------------------------

TEST_CASE("a supervisor answers while a child fails to restart for ever") {
  world w;
  auto mode = strategy::one_for_one;
  SUBCASE("one_for_one") {
    mode = strategy::one_for_one;
  }
  SUBCASE("one_for_all") {
    mode = strategy::one_for_all;
  }
  SUBCASE("rest_for_one") {
    mode = strategy::rest_for_one;
  }
  w.begin({.strategy = mode,
           .intensity = 1'000'000,
           .period = 1h,
           .children = w.specs({"a"})});
  w.log.failures["a"] = -1;
  caf::anon_send(w.handle("a"), end_atom::value, other_reason());
  w.scheduler.run(1000);
  REQUIRE(w.log.starts["a"] > 100);

  caf::scoped_actor self{w.system};
  std::vector<flame::child_info> children;
  self->send(w.top.handle(), flame::which_children{});
  auto answer =
    self->request(w.top.handle(), caf::infinite, flame::terminate_child{"a"});
  // It is served in its turn, and not after the loop.
  w.scheduler.run(20);
  REQUIRE(self->has_next_message());
  self->receive([&](std::vector<flame::child_info>& all) {
    children = std::move(all);
  });
  REQUIRE(children.size() == 1);
  CHECK((children[0].status == flame::child_status::restarting
         || children[0].status == flame::child_status::starting));
  answer.receive([] {},
                 [&](const caf::error& why) {
                   FAIL(flame::describe(why));
                 });
  w.run();
  CHECK(w.states() == "a stopped");
  w.log.failures["a"] = 0;
  REQUIRE(w.restart_child("a"));

  w.log.failures["a"] = -1;
  caf::anon_send(w.handle("a"), end_atom::value, other_reason());
  w.scheduler.run(1000);
  w.shut_down();
  CHECK(w.ended_with(caf::exit_reason::user_shutdown));
}

TEST_CASE("a start function that fails at once leaves room between attempts") {
  world w;
  auto mode = strategy::one_for_one;
  SUBCASE("one_for_one") {
    mode = strategy::one_for_one;
  }
  SUBCASE("one_for_all") {
    mode = strategy::one_for_all;
  }
  auto fails = false;
  auto attempts = 0;
  w.begin(
    {.strategy = mode,
     .intensity = 1'000'000,
     .period = 1h,
     .children = {
       {.id = "a", .start = [&](caf::event_based_actor* self) -> caf::actor {
          ++attempts;
          if (fails)
            throw std::runtime_error("no");
          return self->spawn(probe, &w.log, std::string{"a"});
        }}}});
  fails = true;
  caf::anon_send(w.handle("a"), end_atom::value, other_reason());
  w.scheduler.run(100);
  CHECK(attempts > 10);
  CHECK(attempts < 1000);
  CHECK_FALSE(w.ended);
  REQUIRE_FALSE(w.ended);
  w.shut_down();
  CHECK(w.ended_with(caf::exit_reason::user_shutdown));
}

TEST_CASE("a child between two attempts to restart it is restarting") {
  world w;
  w.begin({.strategy = strategy::rest_for_one,
           .intensity = 8,
           .period = 10s,
           .min_backoff = 2s,
           .jitter = 0,
           .children = w.specs({"a", "b", "c"})});
  auto a = w.handle("a");
  w.log.failures["b"] = 1;
  w.end("b");
  w.pass(2s);
  CHECK(w.start(w.spec("b")).error() == errc::child_present);
  CHECK(w.restart_child("b").error() == errc::child_restarting);
  CHECK(w.remove("b").error() == errc::child_restarting);
  CHECK(w.states() == "a running, b restarting, c restarting");
  CHECK(w.counts() == numbers{3, 1, 0, 3});
  REQUIRE(w.terminate("b"));
  CHECK(w.states() == "a running, b stopped, c restarting");
  w.pass(4s);
  CHECK(w.states() == "a running, b stopped, c running");
  CHECK(w.handle("a") == a);
  REQUIRE(w.restart_child("b"));
}

TEST_CASE(
  "a dynamic child in a loop of restarts is stopped by its actor or name") {
  world w;
  w.begin({.strategy = strategy::dynamic,
           .intensity = 8,
           .period = 10s,
           .min_backoff = 2s,
           .children = w.specs({"a"})});
  w.log.failures["a"] = 0;
  auto child = w.start_one();
  REQUIRE(child);
  w.log.failures["a"] = -1;
  w.end("a-1");
  w.pass(3s);
  CHECK(w.states() == "a-1 restarting");
  CHECK(w.counts() == numbers{1, 0, 0, 1});
  SUBCASE("by its last actor") {
    REQUIRE(w.ask<void>(flame::terminate_child{{}, child->handle}));
  }
  SUBCASE("by its name") {
    REQUIRE(w.terminate("a-1"));
  }
  CHECK(w.which().empty());
  w.log.failures["a"] = 0;
  REQUIRE(w.start_one());
  w.log.failures["a"] = -1;
  w.end("a-2");
  w.shut_down();
  CHECK(w.ended_with(caf::exit_reason::user_shutdown));
}

TEST_CASE("children that are being restarted are counted, and not as active") {
  world w;
  auto one = w.spec("x");
  one.start = flame::here(probe, &w.log);
  w.begin({.strategy = strategy::dynamic,
           .intensity = 20,
           .period = 10s,
           .min_backoff = 1s,
           .jitter = 0,
           .children = {one}});
  for (auto id : {"a", "b", "c"})
    REQUIRE(w.start_one(id));
  CHECK(w.counts() == numbers{1, 3, 0, 3});
  w.log.failures["a"] = 1;
  w.log.failures["b"] = 1;
  w.end("x-1");
  w.end("x-2");
  w.pass(1s);
  CHECK(w.counts() == numbers{1, 1, 0, 3});
  w.pass(2s);
  CHECK(w.counts() == numbers{1, 3, 0, 3});
  REQUIRE(w.terminate("x-3"));
  CHECK(w.counts() == numbers{1, 2, 0, 2});
}

// -- back-off -----------------------------------------------------------------

TEST_CASE("without back-off a child that has ended is restarted at once") {
  world w;
  w.begin({.children = w.specs({"a"})});
  w.end("a");
  CHECK(w.states() == "a running");
  CHECK_FALSE(w.scheduler.has_pending_timeout());
}

TEST_CASE(
  "the back-off doubles up to max_backoff, and begins anew after a while") {
  world w;
  w.begin({.intensity = 100,
           .period = 1h,
           .min_backoff = 1s,
           .max_backoff = 5s,
           .jitter = 0,
           .backoff_reset = 10s,
           .children = w.specs({"a"})});
  auto check = [&](std::chrono::nanoseconds delay) {
    w.end("a");
    CHECK(w.states() == "a restarting");
    w.pass(delay - 1ms);
    CHECK(w.states() == "a restarting");
    w.pass(1ms);
    REQUIRE(w.states() == "a running");
  };
  for (auto delay : {1s, 2s, 4s, 5s, 5s})
    check(delay);
  w.pass(9999ms);
  check(5s);
  w.pass(10s);
  check(1s);
  // An attempt that fails is one more.
  w.log.failures["a"] = 1;
  w.end("a");
  w.pass(2s);
  CHECK(w.states() == "a restarting");
  w.pass(4s);
  CHECK(w.states() == "a running");
}

TEST_CASE("children that end together restart at different times, by jitter") {
  world w;
  std::vector<child_spec> specs;
  for (int i = 0; i < 50; ++i)
    specs.push_back(w.spec(std::to_string(i)));
  w.begin(
    {.intensity = 50, .min_backoff = 10s, .jitter = 0.5, .children = specs});
  for (auto& each : w.which())
    caf::anon_send(each.handle, end_atom::value, other_reason());
  w.run();
  auto restarted = [&] {
    return w.counts()[1];
  };
  w.pass(9999ms);
  CHECK(restarted() == 0);
  std::set<std::size_t> seen;
  for (int i = 0; i < 50; ++i) {
    seen.insert(restarted());
    w.pass(100ms);
  }
  w.pass(1ms);
  CHECK(restarted() == 50);
  CHECK(seen.size() > 5);
}

TEST_CASE("a sweep waits for the back-off with all its children stopped") {
  world w;
  w.begin({.strategy = strategy::one_for_all,
           .intensity = 5,
           .min_backoff = 1s,
           .jitter = 0,
           .children = w.specs({"a", "b"})});
  w.end("b");
  CHECK(w.states() == "a restarting, b restarting");
  w.pass(999ms);
  CHECK(w.states() == "a restarting, b restarting");
  w.pass(1ms);
  CHECK(w.states() == "a running, b running");
}

// -- starts that take their time ----------------------------------------------

TEST_CASE("starts take their time, and the supervisor answers meanwhile") {
  world w;
  std::vector<deferred_starter::pending> starts;
  flame::start_function slowly{std::make_shared<deferred_starter>(starts)};
  auto actor = [&] {
    return w.system.spawn(probe, &w.log, std::string{"slow"});
  };
  child_spec slow{.id = "slow", .start = slowly};
  SUBCASE("at the beginning, the next child waits for the one before") {
    w.begin({.children = {slow, w.spec("b")}});
    CHECK(w.states() == "slow starting, b restarting");
    CHECK(w.start(w.spec("c")));
    starts.at(0).succeed(actor(), "p-1");
    w.run();
    CHECK(w.states() == "slow running, b running, c running");
    CHECK(w.which()[0].runner == "p-1");
  }
  SUBCASE("one that fails at the beginning ends the supervisor") {
    w.begin({.children = {w.spec("a"), slow}});
    starts.at(0).fail(errc::timeout);
    w.run();
    REQUIRE(w.ended);
    CHECK(flame::code_of(*w.ended) == errc::child_failed);
  }
  SUBCASE("a child is stopped before it has started") {
    w.begin({.children = {slow}});
    bool is_stopped = false;
    auto asker =
      w.system.spawn([&](caf::event_based_actor* self) -> caf::behavior {
        self
          ->request(w.top.handle(), caf::infinite,
                    flame::terminate_child{"slow"})
          .then([&] {
            is_stopped = true;
          });
        return {[](get_atom) {}};
      });
    w.kept.push_back(asker);
    w.run();
    CHECK_FALSE(is_stopped);
    starts.at(0).succeed(actor(), "p-1");
    w.run();
    CHECK(is_stopped);
    CHECK(w.states() == "slow stopped");
    CHECK(w.log.starts["slow"] == 1);
    CHECK(w.log.news() == "+slow -slow");
  }
  SUBCASE("the supervisor ends meanwhile, and does not wait") {
    w.begin({.children = {w.spec("a"), slow, w.spec("c")}});
    w.shut_down();
    CHECK(w.ended_with(caf::exit_reason::user_shutdown));
    CHECK(w.log.news() == "+a -a");
  }
  SUBCASE(
    "what is placed after all, while others are still stopped, is killed") {
    w.begin({.children = {w.spec("a"), slow, w.spec("c")}});
    caf::anon_send(w.handle("a"), trap_atom::value,
                   std::optional<caf::error>{});
    w.run();
    w.shut_down();
    REQUIRE_FALSE(w.ended);
    auto late = actor();
    w.run();
    starts.at(0).succeed(late, "p-1");
    w.run();
    CHECK(w.log.reasons["slow"] == caf::exit_reason::kill);
    w.pass(1s);
    CHECK(w.ended_with(caf::exit_reason::user_shutdown));
  }
  SUBCASE("a child ends while the one to its right is started for the first "
          "time: temporary ones are started, too") {
    w.begin({.strategy = strategy::one_for_all,
             .intensity = 2,
             .children = {w.spec("a"), slow, w.spec("c", restart::temporary)}});
    w.end("a");
    CHECK(w.states() == "a restarting, slow starting, c restarting");
    starts.at(0).succeed(actor(), "p-1");
    w.run();
    CHECK(w.states() == "a running, slow starting, c restarting");
    starts.at(1).succeed(actor(), "p-1");
    w.run();
    CHECK(w.states() == "a running, slow running, c running");
    CHECK_FALSE(w.ended);
  }
  SUBCASE("a sweep waits for it, to stop it") {
    w.begin({.strategy = strategy::one_for_all,
             .intensity = 2,
             .children = w.specs({"a"})});
    auto asker =
      w.system.spawn([&](caf::event_based_actor* self) -> caf::behavior {
        self->send(w.top.handle(), flame::start_child{slow});
        return {[](get_atom) {}};
      });
    w.kept.push_back(asker);
    w.run();
    w.end("a");
    CHECK(w.states() == "a restarting, slow starting");
    SUBCASE("and starts it again") {
      starts.at(0).succeed(actor(), "p-1");
      w.run();
      CHECK(w.states() == "a running, slow starting");
      starts.at(1).succeed(actor(), "p-1");
      w.run();
      CHECK(w.states() == "a running, slow running");
    }
    SUBCASE("and forgets it, where it was to be added and has failed") {
      starts.at(0).fail(errc::timeout);
      w.run();
      CHECK(w.states() == "a running");
    }
  }
}

TEST_CASE("the children of a lost runner count once against the intensity") {
  world w;
  std::vector<deferred_starter::pending> starts;
  flame::start_function placed{std::make_shared<deferred_starter>(starts)};
  std::vector<child_spec> specs;
  for (auto id : {"a", "b", "c", "d"})
    specs.push_back({.id = id, .start = placed});
  caf::error lost = caf::exit_reason::remote_link_unreachable;
  w.begin({.intensity = 2, .period = 1h, .children = specs});
  auto place = [&](std::size_t which, const std::string& runner) {
    starts.at(which).succeed(
      w.system.spawn(probe, &w.log, std::to_string(which)), runner);
    w.run();
  };
  // a, b and c on one runner, d on another.
  place(0, "p-1");
  place(1, "p-1");
  place(2, "p-1");
  place(3, "p-2");
  REQUIRE(w.states() == "a running, b running, c running, d running");
  for (auto id : {"a", "b", "c"})
    w.end(id, lost);
  REQUIRE_FALSE(w.ended);
  CHECK(w.states() == "a starting, b starting, c starting, d running");
  SUBCASE("two losses, then no more") {
    place(4, "p-3");
    place(5, "p-3");
    // One of those that were placed there had not started yet.
    starts.at(6).fail(errc::runner_lost, "p-3");
    w.run();
    for (auto id : {"a", "b"})
      w.end(id, lost);
    CHECK_FALSE(w.ended);
    w.end("d", lost);
    CHECK(w.ended_with(errc::restart_intensity));
  }
  SUBCASE("another end of a child on the same runner counts for itself") {
    place(4, "p-3");
    place(5, "p-3");
    w.end("a", other_reason());
    CHECK_FALSE(w.ended);
    w.end("b", other_reason());
    CHECK(w.ended_with(errc::restart_intensity));
  }
}

// -- significant children -----------------------------------------------------

TEST_CASE("children that are not significant end no supervisor") {
  for (auto mode : {auto_shutdown::never, auto_shutdown::any_significant,
                    auto_shutdown::all_significant})
    for (auto how : {restart::temporary, restart::transient}) {
      world w;
      w.begin({.intensity = 5, .auto_shutdown = mode});
      auto start = [&] {
        if (!w.start(w.spec("a", how)))
          w.restart_child("a");
        REQUIRE(w.states() == "a running");
      };
      start();
      REQUIRE(w.terminate("a"));
      for (auto& reason :
           {caf::error{caf::exit_reason::kill}, other_reason(), normal}) {
        start();
        w.end("a", reason);
        CHECK_FALSE(w.ended);
      }
    }
}

TEST_CASE("significant children end their supervisor: one, or the last") {
  using flame::restart;
  struct row {
    restart how;
    caf::error reason;
    bool is_end;
  };
  std::vector<row> table{
    {restart::temporary, caf::exit_reason::kill, true},
    {restart::temporary, other_reason(), true},
    {restart::temporary, normal, true},
    {restart::temporary, caf::exit_reason::user_shutdown, true},
    {restart::transient, caf::exit_reason::kill, false},
    {restart::transient, other_reason(), false},
    {restart::transient, normal, true},
    {restart::transient, caf::exit_reason::user_shutdown, true},
  };
  for (auto& [how, reason, is_end] : table)
    for (auto mode :
         {auto_shutdown::any_significant, auto_shutdown::all_significant}) {
      world w;
      auto children = w.specs({"a", "b", "c"}, how);
      children[0].significant = children[1].significant = true;
      w.begin({.intensity = 5, .auto_shutdown = mode, .children = children});
      w.log.news();
      w.end("a", reason);
      auto is_any = mode == auto_shutdown::any_significant;
      CHECK(w.ended.has_value() == (is_end && is_any));
      if (!w.ended) {
        w.end("b", reason);
        CHECK(w.ended.has_value() == is_end);
      }
      if (is_end) {
        CHECK(w.ended_with(caf::exit_reason::user_shutdown));
        CHECK(w.log.news() == (is_any ? "-a -c -b" : "-a -b -c"));
      }
    }
}

TEST_CASE("a significant child that is stopped by request ends no supervisor") {
  for (auto how : {restart::temporary, restart::transient})
    for (auto mode :
         {auto_shutdown::any_significant, auto_shutdown::all_significant}) {
      world w;
      auto a = w.spec("a", how);
      a.significant = true;
      w.begin({.auto_shutdown = mode, .children = {a, w.spec("b")}});
      REQUIRE(w.terminate("a"));
      CHECK_FALSE(w.ended);
    }
}

TEST_CASE("dynamic children are significant as others are") {
  for (auto how : {restart::temporary, restart::transient}) {
    world w;
    auto one = w.spec("a", how);
    one.significant = true;
    auto is_any = false;
    SUBCASE("any") {
      is_any = true;
    }
    SUBCASE("all") {
      is_any = false;
    }
    w.begin({.strategy = strategy::dynamic,
             .auto_shutdown = is_any ? auto_shutdown::any_significant
                                     : auto_shutdown::all_significant,
             .children = {one}});
    REQUIRE(w.start_one());
    REQUIRE(w.start_one());
    REQUIRE(w.start_one());
    REQUIRE(w.terminate("a-3"));
    CHECK_FALSE(w.ended);
    w.end("a-1", normal);
    CHECK(w.ended.has_value() == is_any);
    if (is_any)
      continue;
    w.end("a-2", normal);
    CHECK(w.ended_with(caf::exit_reason::user_shutdown));
  }
}

TEST_CASE("a significant child that others take along ends no supervisor") {
  for (auto mode : {strategy::one_for_all, strategy::rest_for_one})
    for (auto how : {restart::temporary, restart::transient}) {
      world w;
      auto b = w.spec("b", how);
      b.significant = true;
      w.begin({.strategy = mode,
               .auto_shutdown = auto_shutdown::any_significant,
               .children = {w.spec("a"), b}});
      w.end("a");
      CHECK_FALSE(w.ended);
      CHECK(
        w.states()
        == (how == restart::temporary ? "a running" : "a running, b running"));
    }
}

TEST_CASE("the end of a significant child goes up a tree of supervisors") {
  world w;
  for (auto how : {restart::temporary, restart::transient}) {
    auto leaf = w.spec("leaf", restart::transient);
    leaf.significant = true;
    w.begin({.auto_shutdown = auto_shutdown::any_significant,
             .children = {
               {.id = "sub",
                .start = supervisor_options{.auto_shutdown =
                                              auto_shutdown::any_significant,
                                            .log = "off",
                                            .children = {leaf}},
                .restart = how,
                .significant = true},
               w.spec("other")}});
    w.log.news();
    w.end(w.handle_in(w.handle("sub"), "leaf"), normal);
    CHECK(w.ended_with(caf::exit_reason::user_shutdown));
    CHECK(w.log.news() == "-leaf -other");
  }
}

TEST_CASE("significant children need a supervisor that can end for them") {
  world w{{}};
  auto a = w.spec("a", restart::transient);
  a.significant = true;
  CHECK(flame::code_of(w.start(a).error()) == errc::invalid_configuration);
  w.begin({.auto_shutdown = auto_shutdown::any_significant});
  CHECK(w.start(a));
  auto b = w.spec("b");
  b.significant = true;
  CHECK(flame::code_of(w.start(b).error()) == errc::invalid_configuration);
}

TEST_CASE("the new auto_shutdown counts once options have changed") {
  struct row {
    auto_shutdown before;
    auto_shutdown after;
    bool ends_at_first;
    bool ends_at_last;
  };
  for (auto [before, after, ends_at_first, ends_at_last] : std::vector<row>{
         {auto_shutdown::never, auto_shutdown::any_significant, true, true},
         {auto_shutdown::never, auto_shutdown::all_significant, false, true},
         {auto_shutdown::any_significant, auto_shutdown::never, false, false},
         {auto_shutdown::all_significant, auto_shutdown::never, false, false},
         {auto_shutdown::any_significant, auto_shutdown::all_significant, false,
          true},
         {auto_shutdown::all_significant, auto_shutdown::any_significant, true,
          true},
       }) {
    world w;
    auto children = [&](auto_shutdown mode) {
      auto result = w.specs({"a", "b"}, restart::transient);
      for (auto& each : result)
        each.significant = mode != auto_shutdown::never;
      return result;
    };
    w.begin({.auto_shutdown = before, .children = children(before)});
    REQUIRE(w.ask<void>(flame::change_options{
      {.auto_shutdown = after, .log = "off", .children = children(after)}}));
    w.end("a", normal);
    CHECK(w.ended.has_value() == ends_at_first);
    if (w.ended)
      continue;
    w.end("b", normal);
    CHECK(w.ended.has_value() == ends_at_last);
  }
}

TEST_CASE("a child becomes significant, or ceases to be, when options change") {
  auto is_before = true;
  SUBCASE("becomes") {
    is_before = false;
  }
  SUBCASE("ceases") {
    is_before = true;
  }
  world w;
  auto child = w.spec("a", restart::transient);
  child.significant = is_before;
  auto mode = auto_shutdown::any_significant;
  w.begin({.auto_shutdown = mode, .children = {child}});
  child.significant = !is_before;
  REQUIRE(w.ask<void>(flame::change_options{
    {.auto_shutdown = mode, .log = "off", .children = {child}}}));
  w.end("a", normal);
  CHECK(w.ended.has_value() != is_before);
}

} // namespace
