#include "support/supervisor_world.hpp"

namespace {

using namespace tests;

const caf::error normal;
const caf::error shutdown_reason = caf::exit_reason::user_shutdown;

using numbers = std::vector<std::size_t>;

/// As a start function that starts nothing.
caf::actor nobody(caf::event_based_actor*) {
  return nullptr;
}

bool is_gone(const world& w, const std::string& id, const caf::error& reason) {
  auto i = w.log.reasons.find(id);
  return i != w.log.reasons.end() && i->second == reason;
}

// -- start --------------------------------------------------------------------

TEST_CASE("a supervisor without children starts, and ends when it is told to") {
  world w{{.intensity = 2, .period = 1h}};
  CHECK_FALSE(w.ended);
  CHECK(w.counts() == numbers{0, 0, 0, 0});
  w.shut_down();
  CHECK(w.ended_with(caf::exit_reason::user_shutdown));
}

TEST_CASE("children start from left to right and stop from right to left") {
  world w;
  w.begin({.children = w.specs({"c7", "c3", "c10", "c2"})});
  CHECK(w.log.news() == "+c7 +c3 +c10 +c2");
  CHECK(w.states() == "c7 running, c3 running, c10 running, c2 running");
  w.shut_down();
  CHECK(w.log.news() == "-c2 -c10 -c3 -c7");
  CHECK(w.ended_with(caf::exit_reason::user_shutdown));
}

TEST_CASE("a child that is not wanted keeps its specification, without actor") {
  world w{{}};
  auto ignored = w.start({.id = "a", .start = nobody});
  REQUIRE(ignored);
  CHECK_FALSE(ignored->handle);
  CHECK(ignored->status == flame::child_status::stopped);
  REQUIRE(w.start(w.spec("b")));
  CHECK(w.states() == "a stopped, b running");
  CHECK(w.counts() == numbers{2, 1, 0, 2});
}

TEST_CASE("a temporary child that is not wanted is forgotten") {
  world w;
  child_spec unwanted{
    .id = "a", .start = nobody, .restart = restart::temporary};
  SUBCASE("at the beginning") {
    w.begin({.children = {unwanted, w.spec("b", restart::temporary)}});
  }
  SUBCASE("later") {
    w.begin({});
    auto ignored = w.start(unwanted);
    REQUIRE(ignored);
    CHECK_FALSE(ignored->handle);
    REQUIRE(w.start(w.spec("b", restart::temporary)));
  }
  CHECK(w.states() == "b running");
  CHECK(w.counts() == numbers{1, 1, 0, 1});
}

TEST_CASE(
  "a dynamic child that is not wanted is forgotten, however restarted") {
  world w;
  auto how = restart::temporary;
  SUBCASE("temporary") {
    how = restart::temporary;
  }
  SUBCASE("permanent") {
    how = restart::permanent;
  }
  bool is_wanted = false;
  w.begin(
    {.strategy = strategy::dynamic,
     .children = {{.id = "a",
                   .start = [&](caf::event_based_actor* self) -> caf::actor {
                     if (!is_wanted)
                       return nullptr;
                     return self->spawn(probe, &w.log, std::string{"a"});
                   },
                   .restart = how}}});
  auto ignored = w.start_one();
  REQUIRE(ignored);
  CHECK_FALSE(ignored->handle);
  is_wanted = true;
  REQUIRE(w.start_one());
  CHECK(w.states() == "a-2 running");
  CHECK(w.counts() == numbers{1, 1, 0, 1});
  w.shut_down();
  CHECK(w.ended_with(caf::exit_reason::user_shutdown));
}

TEST_CASE(
  "where a child cannot start at the beginning, the supervisor ends and "
  "says so") {
  world w;
  w.log.failures["c"] = 1;
  auto report = std::make_shared<std::vector<std::string>>();
  w.begin({.name = "top", .children = w.specs({"a", "b", "c", "d"})});
  CHECK(w.log.news() == "+a +b -b -a");
  CHECK(w.log.starts["d"] == 0);
  REQUIRE(w.ended);
  CHECK(flame::code_of(*w.ended) == errc::child_failed);
  CHECK(flame::describe(*w.ended)
        == "child_failed: supervisor top could not start child c: "
           "child_failed: the initialisation of the child failed: c cannot "
           "start");
}

TEST_CASE("a child that cannot be started is not added, and why is told") {
  world w{{}};
  w.log.failures["a"] = -1;
  auto thrown = w.start(w.spec("a"));
  CHECK(flame::code_of(thrown.error()) == errc::child_failed);
  auto returned =
    w.start({.id = "b",
             .start = [](caf::event_based_actor*) -> caf::expected<caf::actor> {
               return other_reason();
             }});
  CHECK(returned.error() == other_reason());
  auto from_routine =
    w.start({.id = "c", .start = [](caf::event_based_actor*) -> caf::actor {
               throw std::invalid_argument("not today");
             }});
  CHECK(flame::describe(from_routine.error())
        == "child_failed: the start of the child failed: not today");
  CHECK(w.which().empty());
  CHECK(w.counts() == numbers{0, 0, 0, 0});
  // And may be tried again.
  w.log.failures["a"] = 0;
  CHECK(w.start(w.spec("a")));
}

TEST_CASE("a child that cannot be restarted by request stays stopped") {
  world w;
  w.begin({.children = w.specs({"a"})});
  REQUIRE(w.terminate("a"));
  w.log.failures["a"] = -1;
  auto result = w.restart_child("a");
  CHECK(flame::code_of(result.error()) == errc::child_failed);
  CHECK(w.states() == "a stopped");
}

TEST_CASE("a dynamic child that cannot be started is not there") {
  world w;
  w.log.failures["a"] = 2;
  w.begin({.strategy = strategy::dynamic, .children = w.specs({"a"})});
  CHECK(flame::code_of(w.start_one().error()) == errc::child_failed);
  CHECK(flame::code_of(w.start_one().error()) == errc::child_failed);
  CHECK(w.which().empty());
  CHECK(w.start_one());
}

TEST_CASE("a child ends before it has started: that is a start that failed") {
  world w{{}};
  auto result =
    w.start({.id = "a", .start = flame::here([](caf::event_based_actor* self) {
                          self->quit(other_reason());
                          throw std::runtime_error("and this");
                        })});
  CHECK(flame::describe(result.error())
        == "child_failed: the initialisation of the child failed: and this");
  CHECK(w.which().empty());
}

class doubler : public caf::event_based_actor {
public:
  doubler(caf::actor_config& cfg, const std::string& text, int times)
    : event_based_actor(cfg),
      text_(text),
      times_(times) {
    if (times < 0)
      throw std::invalid_argument("times is negative");
  }

  caf::behavior make_behavior() override {
    if (times_ == 0)
      throw std::invalid_argument("times is 0");
    return {[this](get_atom) {
      return text_ + std::to_string(times_);
    }};
  }

private:
  std::string text_;
  int times_;
};

TEST_CASE("children of a class start, or say why their constructor or their "
          "initialisation failed") {
  world w{{}};
  auto made = w.start({.id = "a", .start = flame::here<doubler>("x", 2)});
  REQUIRE(made);
  CHECK(*w.ask_of<std::string>(made->handle, get_atom::value) == "x2");
  auto in_constructor =
    w.start({.id = "b", .start = flame::here<doubler>("x", -1)});
  CHECK(flame::describe(in_constructor.error())
        == "child_failed: the start of the child failed: times is negative");
  auto in_initialisation =
    w.start({.id = "c", .start = flame::here<doubler>("x", 0)});
  CHECK(flame::describe(in_initialisation.error())
        == "child_failed: the initialisation of the child failed: times is 0");
  CHECK(w.states() == "a running");
}

caf::behavior greeter(caf::event_based_actor*) {
  return {[](get_atom) {
    return std::string{"hello"};
  }};
}

caf::behavior counting(caf::stateful_actor<int>* self, int start) {
  self->state = start;
  return {[=](get_atom) {
    return ++self->state;
  }};
}

using typed_probe = caf::typed_actor<caf::replies_to<get_atom>::with<int>>;

typed_probe::behavior_type typed(typed_probe::pointer, int value) {
  return {[=](get_atom) {
    return value;
  }};
}

TEST_CASE("children are functions, with state or static types, or lambdas") {
  world w{{}};
  auto plain = w.start({.id = "plain", .start = greeter});
  REQUIRE(plain);
  CHECK(*w.ask_of<std::string>(plain->handle, get_atom::value) == "hello");
  auto state = w.start({.id = "state", .start = flame::here(counting, 41)});
  REQUIRE(state);
  CHECK(*w.ask_of<int>(state->handle, get_atom::value) == 42);
  auto statically = w.start({.id = "typed", .start = flame::here(typed, 7)});
  REQUIRE(statically);
  CHECK(*w.ask_of<int>(statically->handle, get_atom::value) == 7);
  int seven = 7;
  auto lambda =
    w.start({.id = "lambda",
             .start = [seven](caf::event_based_actor*) -> caf::behavior {
               return {[=](get_atom) {
                 return seven;
               }};
             }});
  REQUIRE(lambda);
  CHECK(*w.ask_of<int>(lambda->handle, get_atom::value) == 7);
}

TEST_CASE("arguments are copied for each incarnation") {
  world w{{}};
  auto takes = [](caf::event_based_actor* self,
                  std::vector<int>&& numbers) -> caf::behavior {
    auto mine = std::move(numbers);
    return {
      [=](get_atom) {
        return static_cast<int>(mine.size());
      },
      [=](end_atom, const caf::error& why) {
        self->quit(why);
      },
    };
  };
  REQUIRE(w.start(
    {.id = "a", .start = flame::here(takes, std::vector<int>{1, 2, 3})}));
  w.end("a");
  CHECK(*w.ask_of<int>(w.handle("a"), get_atom::value) == 3);
}

// -- specifications -----------------------------------------------------------

TEST_CASE("what a specification leaves open has defaults") {
  world w;
  auto second = w.spec("b");
  second.shutdown = flame::brutal_kill;
  w.begin(
    {.children = {
       {.id = "a", .start = greeter},
       second,
       {.id = "c", .start = greeter, .type = flame::child_type::supervisor},
       {.id = "d", .start = supervisor_options{}}}});
  auto get = [&](const std::string& id) {
    return w.ask<child_spec>(flame::get_spec{id});
  };
  auto a = get("a");
  REQUIRE(a);
  CHECK(a->restart == restart::permanent);
  CHECK(a->shutdown == 5s);
  CHECK(a->type == flame::child_type::worker);
  CHECK_FALSE(a->significant);
  CHECK(get("b")->shutdown == flame::brutal_kill);
  for (auto id : {"c", "d"}) {
    auto supervisor = get(id);
    REQUIRE(supervisor);
    CHECK(supervisor->shutdown == flame::infinite);
    CHECK(supervisor->type == flame::child_type::supervisor);
  }
  CHECK(get("e").error() == errc::child_not_found);
  CHECK(w.counts() == numbers{4, 4, 2, 2});
}

TEST_CASE("a dynamic supervisor tells the one specification it has") {
  world w{{.strategy = strategy::dynamic,
           .children = {{.id = "a", .start = greeter}}}};
  auto spec = w.ask<child_spec>(flame::get_spec{"whatever"});
  REQUIRE(spec);
  CHECK(spec->id == "a");
  CHECK(spec->shutdown == 5s);
}

TEST_CASE("the defaults of a supervisor are those of OTP") {
  supervisor_options options;
  CHECK(options.strategy == strategy::one_for_one);
  CHECK(options.intensity == 1);
  CHECK(options.period == 5s);
  CHECK(options.auto_shutdown == flame::auto_shutdown::never);
}

TEST_CASE("faulty specifications are told, one in each line, and not started") {
  child_spec good{.id = "a", .start = greeter};
  auto with = [&](auto change) {
    auto spec = good;
    change(spec);
    return flame::check({.name = "s", .children = {spec}});
  };
  CHECK(with([](child_spec&) {}) == "");
  CHECK(with([](child_spec& spec) {
          spec.id.clear();
        })
        == "supervisor s: child \"\": id is empty");
  CHECK(with([](child_spec& spec) {
          spec.start = {};
        })
        == "supervisor s: child \"a\": start is missing");
  CHECK(with([](child_spec& spec) {
          spec.shutdown = -10ms;
        })
        == "supervisor s: child \"a\": shutdown is negative, and not "
           "brutal_kill");
  CHECK(with([](child_spec& spec) {
          spec.restart = static_cast<restart>(9);
        })
        == "supervisor s: child \"a\": restart is not one of its values");
  CHECK(with([](child_spec& spec) {
          spec.type = static_cast<flame::child_type>(9);
        })
        == "supervisor s: child \"a\": type is not one of its values");
  CHECK(flame::check({.name = "s", .children = {good, good}})
        == "supervisor s: child \"a\": there are two of this id");
  world w{{}};
  auto refused = w.start({.id = "x"});
  CHECK(flame::code_of(refused.error()) == errc::invalid_configuration);
  CHECK(w.which().empty());
}

TEST_CASE("every sound combination of a specification is accepted") {
  using flame::auto_shutdown;
  for (auto how : {restart::permanent, restart::transient, restart::temporary})
    for (auto mode : {auto_shutdown::never, auto_shutdown::any_significant,
                      auto_shutdown::all_significant})
      for (auto time : {flame::duration{0}, flame::duration{1s},
                        flame::infinite, flame::brutal_kill})
        for (bool is_significant : {false, true}) {
          auto is_sound =
            !is_significant
            || (how != restart::permanent && mode != auto_shutdown::never);
          auto mistakes =
            flame::check({.auto_shutdown = mode,
                          .children = {{.id = "a",
                                        .start = greeter,
                                        .restart = how,
                                        .shutdown = time,
                                        .significant = is_significant}}});
          CHECK(mistakes.empty() == is_sound);
        }
}

TEST_CASE("faulty options of a supervisor are told, and none is started") {
  auto mistake = [](supervisor_options options) {
    options.name = "s";
    return flame::check(options);
  };
  CHECK(mistake({.strategy = static_cast<strategy>(9)})
        == "supervisor s: strategy is not one of its values");
  CHECK(mistake({.period = 0s}) == "supervisor s: period is not more than 0");
  CHECK(mistake({.auto_shutdown = static_cast<flame::auto_shutdown>(9)})
        == "supervisor s: auto_shutdown is not one of its values");
  CHECK(mistake({.min_backoff = 2s, .max_backoff = 1s})
        == "supervisor s: max_backoff is less than min_backoff");
  CHECK(mistake({.min_backoff = -2s})
        == "supervisor s: min_backoff is negative");
  CHECK(mistake({.max_backoff = flame::infinite})
        == "supervisor s: max_backoff is infinite");
  CHECK(mistake({.jitter = 1.5})
        == "supervisor s: jitter is not within 0 and 1");
  CHECK(mistake({.jitter = std::numeric_limits<double>::quiet_NaN()})
        == "supervisor s: jitter is not within 0 and 1");
  CHECK(mistake({.backoff_reset = -1s})
        == "supervisor s: backoff_reset is negative");
  child_spec good{.id = "a", .start = greeter};
  child_spec other{.id = "b", .start = greeter};
  CHECK(mistake({.strategy = strategy::dynamic})
        == "supervisor s: a dynamic supervisor has one child, from which the "
           "others are made, and not 0");
  CHECK(mistake({.strategy = strategy::dynamic, .children = {good, other}})
        == "supervisor s: a dynamic supervisor has one child, from which the "
           "others are made, and not 2");
  world w;
  try {
    w.begin({.period = 0s});
    FAIL("it was started");
  } catch (const flame::call_error& error) {
    CHECK(error.code() == errc::invalid_configuration);
  }
}

// -- stop ---------------------------------------------------------------------

TEST_CASE("a child whose shutdown is infinite has all the time it wants") {
  world w;
  auto slow = w.spec("a");
  slow.shutdown = flame::infinite;
  w.begin({.children = {slow, w.spec("b")}});
  caf::anon_send(w.handle("a"), trap_atom::value, std::optional<caf::error>{});
  auto a = w.handle("a");
  w.run();
  w.shut_down();
  w.pass(24h);
  CHECK(w.log.news() == "+a +b -b");
  CHECK_FALSE(w.ended);
  w.end(a, normal);
  CHECK(w.log.news() == "-a");
  CHECK(w.ended_with(caf::exit_reason::user_shutdown));
}

TEST_CASE("a child that does not end within its shutdown is killed") {
  world w;
  w.begin({.children = w.specs({"a", "b"})});
  caf::anon_send(w.handle("b"), trap_atom::value, std::optional<caf::error>{});
  w.run();
  w.log.news();
  w.shut_down();
  w.pass(999ms);
  CHECK(w.log.news() == "");
  w.pass(1ms);
  CHECK(w.log.news() == "-b -a");
  CHECK(is_gone(w, "b", caf::exit_reason::kill));
  CHECK(is_gone(w, "a", caf::exit_reason::user_shutdown));
  CHECK(w.ended_with(caf::exit_reason::user_shutdown));
}

TEST_CASE("dynamic children end together, and what is late is killed") {
  world w;
  auto one = w.spec("a", restart::temporary);
  one.start = flame::here(probe, &w.log);
  w.begin({.strategy = strategy::dynamic, .children = {one}});
  for (auto id : {"x", "y", "z"})
    REQUIRE(w.start_one(id));
  caf::anon_send(w.handle("a-2"), trap_atom::value,
                 std::optional<caf::error>{});
  w.run();
  w.log.news();
  w.shut_down();
  CHECK(w.log.news() == "-x -z");
  CHECK_FALSE(w.ended);
  w.pass(999ms);
  CHECK_FALSE(w.ended);
  w.pass(1ms);
  CHECK(is_gone(w, "y", caf::exit_reason::kill));
  CHECK(w.ended_with(caf::exit_reason::user_shutdown));
}

TEST_CASE("a child with brutal_kill is killed at once") {
  world w;
  auto brutal = w.spec("b");
  brutal.shutdown = flame::brutal_kill;
  w.begin({.children = {w.spec("a"), brutal}});
  caf::anon_send(w.handle("b"), trap_atom::value, std::optional<caf::error>{});
  w.run();
  w.shut_down();
  CHECK(is_gone(w, "b", caf::exit_reason::kill));
  CHECK(is_gone(w, "a", caf::exit_reason::user_shutdown));
  CHECK(w.ended_with(caf::exit_reason::user_shutdown));
}

TEST_CASE("dynamic children with brutal_kill are killed at once") {
  world w;
  auto brutal = w.spec("a", restart::temporary);
  brutal.shutdown = flame::brutal_kill;
  brutal.start = flame::here(probe, &w.log);
  w.begin({.strategy = strategy::dynamic, .children = {brutal}});
  for (int i = 0; i < 10; ++i)
    REQUIRE(w.start_one(std::to_string(i)));
  w.shut_down();
  CHECK(w.ended_with(caf::exit_reason::user_shutdown));
  for (int i = 0; i < 10; ++i)
    CHECK(is_gone(w, std::to_string(i), caf::exit_reason::kill));
}

TEST_CASE("children that end by themselves while the supervisor ends are no "
          "obstacle") {
  world w;
  std::vector<child_spec> specs;
  std::map<std::string, caf::error> reasons;
  for (auto how : {restart::temporary, restart::transient, restart::permanent})
    for (auto& reason : {normal, shutdown_reason, other_reason()}) {
      auto id = std::to_string(specs.size());
      reasons[id] = reason;
      specs.push_back(w.spec(id, how));
    }
  auto slow = w.spec("slow", restart::temporary);
  slow.shutdown = 2s;
  specs.push_back(slow);
  w.begin({.intensity = 0, .children = specs});
  auto handle = w.handle("slow");
  std::map<std::string, caf::actor> handles;
  for (auto& [id, reason] : reasons)
    handles[id] = w.handle(id);
  caf::anon_send(handle, trap_atom::value, std::optional<caf::error>{});
  w.run();
  w.shut_down();
  for (auto& [id, reason] : reasons)
    w.end(handles[id], reason);
  CHECK_FALSE(w.ended);
  w.pass(2s);
  CHECK(w.ended_with(caf::exit_reason::user_shutdown));
  for (auto& [id, reason] : reasons) {
    CHECK(is_gone(w, id, reason));
    CHECK(w.log.starts[id] == 1);
  }
}

TEST_CASE("dynamic children that end with other reasons than shutdown end") {
  for (auto how :
       {restart::temporary, restart::transient, restart::permanent}) {
    world w;
    auto one = w.spec("a", how);
    one.start = flame::here(probe, &w.log);
    w.begin({.strategy = strategy::dynamic, .intensity = 0, .children = {one}});
    std::map<std::string, caf::error> reasons{
      {"n", normal}, {"s", shutdown_reason}, {"o", other_reason()}};
    for (auto& [id, reason] : reasons) {
      auto child = w.start_one(id);
      REQUIRE(child);
      caf::anon_send(child->handle, trap_atom::value,
                     std::optional<caf::error>{reason});
    }
    w.run();
    w.shut_down();
    CHECK(w.ended_with(caf::exit_reason::user_shutdown));
    for (auto& [id, reason] : reasons)
      CHECK(is_gone(w, id, reason));
  }
}

TEST_CASE("what a supervisor is asked while it ends is refused") {
  world w;
  w.begin({.children = w.specs({"a", "b"})});
  caf::anon_send(w.handle("b"), trap_atom::value, std::optional<caf::error>{});
  w.run();
  w.shut_down();
  CHECK(w.states() == "a running, b stopping");
  CHECK(w.start(w.spec("c")).error() == errc::supervisor_ended);
  CHECK(w.restart_child("b").error() == errc::supervisor_ended);
  CHECK(w.remove("b").error() == errc::supervisor_ended);
  w.pass(1s);
  CHECK(w.ended);
  CHECK(w.start(w.spec("c")).error() == caf::sec::request_receiver_down);
}

TEST_CASE("a supervisor that is killed takes its children along") {
  world w;
  w.begin({.children = w.specs({"a", "b"})});
  caf::anon_send_exit(w.top.handle(), caf::exit_reason::kill);
  w.run();
  CHECK(w.ended_with(caf::exit_reason::kill));
  CHECK(is_gone(w, "a", caf::exit_reason::user_shutdown));
  CHECK(is_gone(w, "b", caf::exit_reason::user_shutdown));
}

TEST_CASE("a supervisor that nobody refers to ends, and its children with it") {
  world w;
  w.begin({.min_backoff = 1s, .children = w.specs({"a", "b"})});
  SUBCASE("at once") {
    // nop
  }
  SUBCASE("though it waits for the back-off of a child, and has stopped one") {
    w.end("b");
    REQUIRE(w.start(w.spec("c")));
    REQUIRE(w.terminate("c"));
    REQUIRE(w.scheduler.has_pending_timeout());
  }
  w.top = {};
  w.run();
  CHECK(w.ended);
  CHECK(is_gone(w, "a", caf::exit_reason::user_shutdown));
}

TEST_CASE(
  "a supervisor with an owner lives without a handle, and ends with it") {
  world w;
  auto ends_normally = false;
  SUBCASE("normally") {
    ends_normally = true;
  }
  SUBCASE("or not") {
    ends_normally = false;
  }
  auto owner =
    w.system.spawn([&](caf::event_based_actor* self) -> caf::behavior {
      flame::spawn_supervisor(self,
                              {.log = "off", .children = w.specs({"a", "b"})});
      return {[=](end_atom) {
        self->quit(ends_normally ? normal : other_reason());
      }};
    });
  w.run();
  CHECK(w.log.news() == "+a +b");
  caf::anon_send(owner, end_atom::value);
  w.run();
  CHECK(w.log.news() == "-b -a");
}

TEST_CASE("the owner of a supervisor is told when that gives up") {
  world w;
  std::optional<caf::error> told;
  auto owner =
    w.system.spawn([&](caf::event_based_actor* self) -> caf::behavior {
      self->set_exit_handler([&](const caf::exit_msg& what) {
        told = what.reason;
      });
      w.top = flame::spawn_supervisor(
        self, {.intensity = 0, .log = "off", .children = w.specs({"a"})});
      return {[=](end_atom) {
        self->quit();
      }};
    });
  w.run();
  w.end("a");
  REQUIRE(told);
  CHECK(*told == errc::restart_intensity);
  caf::anon_send(owner, end_atom::value);
  w.run();
}

// -- administration -----------------------------------------------------------

TEST_CASE("children are started, stopped, restarted and deleted by request") {
  world w;
  w.begin({.children = w.specs({"a"})});
  CHECK(w.counts() == numbers{1, 1, 0, 1});
  CHECK(w.start(w.spec("a")).error() == errc::child_running);

  CHECK(w.terminate("nobody").error() == errc::child_not_found);
  REQUIRE(w.terminate("a"));
  CHECK(is_gone(w, "a", caf::exit_reason::user_shutdown));
  CHECK(w.states() == "a stopped");
  CHECK(w.counts() == numbers{1, 0, 0, 1});
  // What is stopped already is stopped.
  CHECK(w.terminate("a"));
  CHECK(w.start(w.spec("a")).error() == errc::child_present);

  auto again = w.restart_child("a");
  REQUIRE(again);
  CHECK(again->status == flame::child_status::running);
  CHECK(again->handle == w.handle("a"));
  CHECK(w.counts() == numbers{1, 1, 0, 1});
  CHECK(w.restart_child("a").error() == errc::child_running);
  CHECK(w.restart_child("nobody").error() == errc::child_not_found);

  CHECK(w.remove("a").error() == errc::child_running);
  CHECK(w.remove("nobody").error() == errc::child_not_found);
  REQUIRE(w.terminate("a"));
  REQUIRE(w.remove("a"));
  CHECK(w.restart_child("a").error() == errc::child_not_found);
  CHECK(w.counts() == numbers{0, 0, 0, 0});

  auto added = w.start(w.spec("a"));
  REQUIRE(added);
  CHECK(w.counts() == numbers{1, 1, 0, 1});
  // By its actor only where children have no names of their own.
  CHECK(w.ask<void>(flame::terminate_child{{}, added->handle}).error()
        == errc::child_not_found);
  CHECK(w.states() == "a running");
  CHECK(flame::code_of(w.start_one().error()) == errc::wrong_strategy);
}

TEST_CASE("dynamic children are started, and stopped by actor or name") {
  world w;
  w.begin({.strategy = strategy::dynamic, .children = w.specs({"a"})});
  CHECK(w.which().empty());
  CHECK(w.counts() == numbers{1, 0, 0, 0});
  CHECK(w.log.starts["a"] == 0);
  auto first = w.start_one();
  REQUIRE(first);
  auto second = w.start_one();
  REQUIRE(second);
  CHECK(first->id == "a-1");
  CHECK(second->id == "a-2");
  CHECK(first->handle != second->handle);
  CHECK(w.states() == "a-1 running, a-2 running");
  CHECK(w.counts() == numbers{1, 2, 0, 2});

  CHECK(w.terminate("a").error() == errc::child_not_found);
  auto by_actor = [&](const caf::actor& which) {
    return w.ask<void>(flame::terminate_child{{}, which});
  };
  REQUIRE(by_actor(first->handle));
  CHECK(w.states() == "a-2 running");
  // What has ended is stopped; a stranger is not.
  CHECK(by_actor(first->handle));
  auto stranger = w.system.spawn(greeter);
  w.kept.push_back(stranger);
  CHECK(by_actor(stranger).error() == errc::child_not_found);
  CHECK(*w.ask_of<std::string>(stranger, get_atom::value) == "hello");
  REQUIRE(w.terminate("a-2"));
  CHECK(w.counts() == numbers{1, 0, 0, 0});

  CHECK(w.restart_child("a-1").error() == errc::wrong_strategy);
  CHECK(w.remove("a-1").error() == errc::wrong_strategy);
  CHECK(w.start(w.spec("b")).error() == errc::wrong_strategy);
}

TEST_CASE("a dynamic supervisor has max_children at a time") {
  world w;
  w.begin({.strategy = strategy::dynamic,
           .max_children = 2,
           .children = w.specs({"a"})});
  REQUIRE(w.start_one());
  REQUIRE(w.start_one());
  CHECK(w.start_one().error() == errc::too_many_children);
  REQUIRE(w.terminate("a-1"));
  CHECK(w.start_one());
}

TEST_CASE("dynamic children take arguments, of exactly the function's types") {
  world w;
  auto adder = [](caf::event_based_actor* self, int x, int y,
                  const std::string& text) -> caf::behavior {
    return {
      [=](get_atom) {
        return text + std::to_string(x + y);
      },
      [=](end_atom, const caf::error& why) {
        self->quit(why);
      },
    };
  };
  w.begin({.strategy = strategy::dynamic,
           .children = {{.id = "a", .start = flame::here(adder, 40)}}});
  auto child = w.start_one(2, "the answer is ");
  REQUIRE(child);
  CHECK(*w.ask_of<std::string>(child->handle, get_atom::value)
        == "the answer is 42");
  w.end("a-1");
  CHECK(*w.ask_of<std::string>(w.handle("a-1"), get_atom::value)
        == "the answer is 42");
  CHECK(flame::code_of(w.start_one().error()) == errc::bad_payload);
  CHECK(flame::code_of(w.start_one(2).error()) == errc::bad_payload);
  CHECK(flame::code_of(w.start_one(2L, "").error()) == errc::bad_payload);
  CHECK(flame::code_of(w.start_one(2, "", 1).error()) == errc::bad_payload);
  CHECK(w.counts() == numbers{1, 1, 0, 1});
}

TEST_CASE("what a start function tells beside the actor arrives with it") {
  world w;
  auto with_info = [&](caf::event_based_actor* self) {
    return flame::started{self->spawn(probe, &w.log, std::string{"a"}),
                          caf::make_message("extra", w.log.starts["a"])};
  };
  auto extra = [](const caf::expected<flame::child_info>& from) {
    return from && from->info.match_elements<std::string, int>()
             ? from->info.get_as<int>(1)
             : -1;
  };
  w.begin({});
  child_spec spec{.id = "a", .start = with_info};
  CHECK(extra(w.start(spec)) == 0);
  CHECK(w.counts() == numbers{1, 1, 0, 1});
  REQUIRE(w.terminate("a"));
  CHECK(extra(w.restart_child("a")) == 1);
  w.end("a");
  CHECK(extra(w.which().at(0)) == 2);
}

TEST_CASE("an actor that is a child already cannot be another one") {
  world w{{}};
  caf::actor shared = w.system.spawn(greeter);
  w.kept.push_back(shared);
  auto share = [&](caf::event_based_actor*) {
    return shared;
  };
  REQUIRE(w.start({.id = "a", .start = share}));
  CHECK(w.start({.id = "b", .start = share}).error() == errc::child_running);
  CHECK(w.states() == "a running");
}

TEST_CASE(
  "a child that has linked itself, or unlinks, is supervised as others") {
  world w{{}};
  w.top = {};
  w.begin({.intensity = 2});
  REQUIRE(w.start(
    {.id = "a", .start = [&](caf::event_based_actor* self) -> caf::actor {
       return self->spawn<caf::linked>(probe, &w.log, std::string{"a"});
     }}));
  w.end("a");
  CHECK_FALSE(w.ended);
  CHECK(w.states() == "a running");
  caf::anon_send(w.handle("a"), link_atom::value, w.top.handle());
  w.run();
  w.end("a");
  CHECK_FALSE(w.ended);
  CHECK(w.log.starts["a"] == 3);
  // Nor does what it does not understand disturb it, or an error as an answer.
  caf::anon_send(w.top.handle(), std::string{"foo"});
  caf::anon_send(w.top.handle(), other_reason());
  w.run();
  REQUIRE(w.terminate("a"));
  CHECK(w.states() == "a stopped");
  CHECK_FALSE(w.ended);
}

TEST_CASE("an actor that links itself to a supervisor does not end it") {
  world w;
  w.begin({.children = w.specs({"a"})});
  auto stranger = w.system.spawn(probe, &w.log, std::string{"stranger"});
  caf::anon_send(stranger, link_atom::value, w.top.handle());
  w.run();
  w.end(stranger, other_reason());
  CHECK_FALSE(w.ended);
  CHECK(w.states() == "a running");
}

// -- trees --------------------------------------------------------------------

TEST_CASE("a tree of supervisors restarts what is broken, and no more") {
  world w;
  auto sub = [](std::vector<child_spec> children) {
    return supervisor_options{.intensity = 4,
                              .period = 1h,
                              .log = "off",
                              .children = std::move(children)};
  };
  w.begin({.strategy = strategy::one_for_all, .intensity = 4, .period = 1h});
  auto one = w.start({.id = "sub1", .start = sub(w.specs({"a", "b"}))});
  auto two = w.start({.id = "sub2", .start = sub({})});
  REQUIRE(one);
  REQUIRE(two);
  REQUIRE(
    w.start({.id = "sub3", .start = sub({}), .restart = restart::transient}));
  REQUIRE(w.terminate("sub3"));
  CHECK(w.counts() == numbers{3, 2, 3, 0});
  CHECK(w.counts_of(one->handle) == numbers{2, 2, 0, 2});
  CHECK(w.counts_of(two->handle) == numbers{0, 0, 0, 0});
  // Two more, of which the first can be started once.
  for (auto id : {"c", "d"})
    REQUIRE(
      w.ask_of<flame::child_info>(two->handle, flame::start_child{w.spec(id)}));
  w.log.news();
  w.end(w.handle_in(two->handle, "d"), other_reason());
  CHECK(w.log.news() == "-d +d");
  CHECK(w.counts_of(two->handle) == numbers{2, 2, 0, 2});
  // The tree is restarted as it was specified, without those two.
  w.log.failures["c"] = -1;
  w.end(w.handle_in(two->handle, "c"), other_reason());
  CHECK(w.counts() == numbers{3, 3, 3, 0});
  CHECK(w.handle("sub1") != one->handle);
  CHECK(w.counts_of(w.handle("sub1")) == numbers{2, 2, 0, 2});
  CHECK(w.counts_of(w.handle("sub2")) == numbers{0, 0, 0, 0});
  CHECK(w.counts_of(w.handle("sub3")) == numbers{0, 0, 0, 0});
  CHECK(w.log.news() == "-c -d -b -a +a +b");
}

TEST_CASE("a nested supervisor has started when its children have") {
  world w;
  w.log.failures["b"] = 1;
  w.begin({.log = "off"});
  supervisor_options nested{.log = "off", .children = w.specs({"a", "b"})};
  auto failed = w.start({.id = "sub", .start = nested});
  CHECK(flame::code_of(failed.error()) == errc::child_failed);
  CHECK(w.log.news() == "+a -a");
  CHECK(w.which().empty());
  CHECK(w.start({.id = "sub", .start = nested}));
  CHECK(w.log.news() == "+a +b");
  // From its handle, everything is known again.
  flame::supervisor sub{w.handle("sub")};
  CHECK(sub.child("a").now() == w.handle_in(sub.handle(), "a"));
  CHECK_THROWS_AS(flame::supervisor{w.handle_in(sub.handle(), "a")},
                  flame::call_error);
}

TEST_CASE("a nested supervisor that is killed is restarted with its children") {
  world w;
  w.begin({.strategy = strategy::one_for_all,
           .intensity = 3,
           .period = 1min,
           .children = {
             {.id = "sub",
              .start = supervisor_options{
                .intensity = 3, .log = "off", .children = w.specs({"a"})}}}});
  auto sub = w.handle("sub");
  SUBCASE("the supervisor") {
    w.kill("sub");
    CHECK(w.handle("sub") != sub);
  }
  SUBCASE("its worker, which alone is restarted then") {
    caf::anon_send_exit(w.handle_in(sub, "a"), caf::exit_reason::kill);
    w.run();
    CHECK(w.handle("sub") == sub);
  }
  SUBCASE("its worker ends") {
    w.end(w.handle_in(sub, "a"), normal);
    CHECK(w.handle("sub") == sub);
  }
  SUBCASE("its worker is restarted by request") {
    REQUIRE(w.ask_of<void>(sub, flame::terminate_child{"a"}));
    REQUIRE(w.ask_of<flame::child_info>(sub, flame::restart_child{"a"}));
  }
  CHECK(w.log.news() == "+a -a +a");
  CHECK(w.counts_of(w.handle("sub")) == numbers{1, 1, 0, 1});
  w.shut_down();
  CHECK(w.log.news() == "-a");
}

TEST_CASE("an actor makes itself a supervisor") {
  world w{{}};
  auto tree = [&](caf::event_based_actor* self) {
    return flame::supervise(
      self, {.intensity = 0, .log = "off", .children = w.specs({"a", "b"})});
  };
  auto made = w.start(
    {.id = "tree", .start = tree, .type = flame::child_type::supervisor});
  REQUIRE(made);
  CHECK(w.counts_of(made->handle) == numbers{2, 2, 0, 2});
  SUBCASE("and ends in order") {
    REQUIRE(w.terminate("tree"));
    CHECK(w.log.news() == "+a +b -b -a");
  }
  SUBCASE("and gives up, is restarted by its own") {
    w.end(w.handle_in(made->handle, "a"), other_reason());
    CHECK(w.log.news() == "+a +b -a -b +a +b");
    CHECK(w.handle("tree") != made->handle);
  }
}

TEST_CASE("children are counted, many of them, workers or supervisors") {
  world w;
  auto one = w.spec("a", restart::temporary);
  auto is_supervisor = false;
  SUBCASE("workers") {
    is_supervisor = false;
  }
  SUBCASE("supervisors") {
    is_supervisor = true;
    one.type = flame::child_type::supervisor;
  }
  auto expected = [&](std::size_t count) {
    return is_supervisor ? numbers{1, count, count, 0}
                         : numbers{1, count, 0, count};
  };
  w.begin({.strategy = strategy::dynamic, .children = {one}});
  for (int i = 0; i < 1000; ++i)
    REQUIRE(w.start_one());
  CHECK(w.which().size() == 1000);
  CHECK(w.counts() == expected(1000));
  for (auto& each : w.which())
    caf::anon_send_exit(each.handle, caf::exit_reason::kill);
  w.run();
  CHECK(w.counts() == expected(0));
}

// -- what is kept -------------------------------------------------------------

TEST_CASE("what a temporary child was started with is not kept") {
  auto argument = std::make_shared<int>(1);
  auto takes = [](caf::event_based_actor*,
                  std::shared_ptr<int>) -> caf::behavior {
    return {[](get_atom) {
      return 1;
    }};
  };
  auto starts = [&](restart how) {
    return child_spec{
      .id = "a", .start = flame::here(takes, argument), .restart = how};
  };
  for (auto mode :
       {strategy::one_for_one, strategy::one_for_all, strategy::rest_for_one}) {
    world w{{.strategy = mode}};
    REQUIRE(w.start(starts(restart::temporary)));
    CHECK(argument.use_count() == 1);
    REQUIRE(w.terminate("a"));
    REQUIRE(w.start(starts(restart::transient)));
    CHECK(argument.use_count() == 2);
  }
  for (auto how : {restart::permanent, restart::temporary}) {
    world w{
      {.strategy = strategy::dynamic,
       .children = {{.id = "a", .start = flame::here(takes), .restart = how}}}};
    REQUIRE(w.start_one(argument));
    CHECK(argument.use_count() == (how == restart::temporary ? 1 : 2));
    // Nor of those that follow one that has ended.
    w.kill("a-1");
    REQUIRE(w.start_one(argument));
    CHECK(argument.use_count() == (how == restart::temporary ? 1 : 3));
  }
}

TEST_CASE("specifications are kept, but for temporary children") {
  enum class way { killed, normally, abnormally, told };
  for (auto mode :
       {strategy::one_for_one, strategy::one_for_all, strategy::rest_for_one})
    for (auto how :
         {restart::permanent, restart::transient, restart::temporary})
      for (auto end :
           {way::killed, way::normally, way::abnormally, way::told}) {
        world w{{.strategy = mode}};
        REQUIRE(w.start(w.spec("a", how)));
        if (end == way::killed)
          w.kill("a");
        else if (end == way::told)
          REQUIRE(w.terminate("a"));
        else
          w.end("a", end == way::normally ? normal : other_reason());
        auto again = w.start(w.spec("a", how));
        if (how == restart::temporary)
          CHECK(again);
        else if (end == way::told
                 || (how == restart::transient && end == way::normally))
          CHECK(again.error() == errc::child_present);
        else
          CHECK(again.error() == errc::child_running);
      }
}

TEST_CASE("options and specifications change while children run") {
  world w{{.intensity = 0, .period = 1s}};
  auto change = [&](supervisor_options options) {
    options.log = "off";
    return w.ask<void>(flame::change_options{std::move(options)});
  };
  auto without_start = change({.children = {{.id = "a"}}});
  CHECK(flame::code_of(without_start.error()) == errc::invalid_configuration);
  CHECK(flame::code_of(change({.period = 0s}).error())
        == errc::invalid_configuration);
  auto a = w.spec("a");
  a.shutdown = 2s;
  REQUIRE(change({.intensity = 1, .period = 3s, .children = {a, w.spec("b")}}));
  // They are not started by themselves.
  CHECK(w.states() == "a stopped, b stopped");
  REQUIRE(w.restart_child("a"));
  REQUIRE(w.restart_child("b"));
  CHECK(w.ask<child_spec>(flame::get_spec{"a"})->shutdown == 2s);
  a.shutdown = 1s;
  REQUIRE(change({.intensity = 1, .period = 3s, .children = {a, w.spec("c")}}));
  // One that is not named any more is still there.
  CHECK(w.states() == "a running, c stopped, b running");
  CHECK(w.ask<child_spec>(flame::get_spec{"a"})->shutdown == 1s);
  // The new intensity counts.
  w.end("a");
  CHECK_FALSE(w.ended);
  w.end("a");
  CHECK(w.ended_with(errc::restart_intensity));
}

TEST_CASE("the specification of dynamic children changes, and stays one") {
  world w;
  w.begin({.strategy = strategy::dynamic, .children = w.specs({"a"})});
  REQUIRE(w.start_one());
  auto change = [&](std::vector<child_spec> specs,
                    strategy mode = strategy::dynamic) {
    return w.ask<void>(flame::change_options{
      {.strategy = mode, .log = "off", .children = std::move(specs)}});
  };
  auto replaced = w.spec("a");
  replaced.start = flame::here(probe, &w.log, std::string{"new"});
  REQUIRE(change({replaced}));
  CHECK(flame::code_of(change(w.specs({"a", "b"})).error())
        == errc::invalid_configuration);
  CHECK(flame::code_of(change({}).error()) == errc::invalid_configuration);
  CHECK(flame::code_of(change({}, strategy::one_for_one).error())
        == errc::wrong_strategy);
  w.log.news();
  w.end("a-1");
  CHECK(w.log.news() == "-a +new");
}

TEST_CASE("starting and stopping many children takes linear time") {
  auto time_of = [](std::size_t count, strategy mode) {
    world w;
    w.begin({.strategy = mode,
             .children = mode == strategy::dynamic
                           ? w.specs({"a"}, restart::temporary)
                           : std::vector<child_spec>{}});
    auto begin = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < count; ++i) {
      if (mode == strategy::dynamic)
        caf::anon_send(w.top.handle(), flame::one_more());
      else
        caf::anon_send(w.top.handle(),
                       flame::start_child{w.spec(std::to_string(i))});
    }
    w.run();
    REQUIRE(w.counts()[1] == count);
    // Half by name, half with the supervisor.
    for (std::size_t i = 0; i < count; i += 2)
      caf::anon_send(w.top.handle(),
                     flame::terminate_child{mode == strategy::dynamic
                                              ? "a-" + std::to_string(i + 1)
                                              : std::to_string(i)});
    w.run();
    REQUIRE(w.counts()[1] == count / 2);
    w.shut_down();
    REQUIRE(w.ended);
    return std::chrono::steady_clock::now() - begin;
  };
  for (auto mode :
       {strategy::dynamic, strategy::one_for_one, strategy::rest_for_one}) {
    auto few = time_of(1000, mode);
    auto many = time_of(10'000, mode);
    // Another program may have taken the processor.
    for (int i = 0; i < 2; ++i) {
      few = std::min(few, time_of(1000, mode));
      many = std::min(many, time_of(10'000, mode));
    }
    MESSAGE("1000 children: " << few / 1us << " us, 10000: " << many / 1us
                              << " us");
    // 10 times would be linear, 100 times quadratic. OTP's test allows as much.
    CHECK(many < 50 * few);
  }
}

} // namespace
