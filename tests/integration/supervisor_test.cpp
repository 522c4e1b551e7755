#include <atomic>
#include <future>
#include <thread>

#include <signal.h>
#include <unistd.h>

#include "support/actors.hpp"
#include "support/test_main.hpp"

using namespace std::chrono_literals;
using namespace tests;

void tests::configure(flame::node_options&) {
  // nop
}

namespace {

using add_atom = caf::atom_constant<caf::atom("add")>;
using crash_atom = caf::atom_constant<caf::atom("crash")>;
using get_atom = caf::atom_constant<caf::atom("get")>;
using pid_atom = caf::atom_constant<caf::atom("pid")>;

caf::behavior counter(caf::event_based_actor*, int start) {
  auto value = std::make_shared<int>(start);
  return {
    [=](add_atom, int much) {
      *value += much;
    },
    [=](get_atom) {
      return *value;
    },
    [](pid_atom) {
      return static_cast<int>(::getpid());
    },
    [](crash_atom) {
      throw std::runtime_error("the counter is broken");
    },
  };
}

caf::behavior never_starts(caf::event_based_actor*, const std::string& why) {
  throw std::runtime_error(why);
}

class doubler : public caf::event_based_actor {
public:
  doubler(caf::actor_config& cfg, int number)
    : event_based_actor(cfg),
      number_(number) {
    // nop
  }

  caf::behavior make_behavior() override {
    return {[this](get_atom) {
      return 2 * number_;
    }};
  }

private:
  int number_;
};

flame::supervisor spawn(flame::supervisor_options options) {
  options.log = "off";
  return flame::spawn_supervisor(node().system(), std::move(options));
}

caf::actor handle(const flame::supervisor& of, const std::string& id) {
  auto all = of.which_children();
  REQUIRE(all);
  for (auto& each : *all)
    if (each.id == id)
      return each.handle;
  return nullptr;
}

/// Waits until a child has another actor than that one.
caf::actor next_handle(const flame::supervisor& of, const std::string& id,
                       const caf::actor& before) {
  caf::actor result;
  CHECK(eventually([&] {
    result = of.child(id).now();
    return result && result != before;
  }));
  return result;
}

/// Waits until an actor has ended, and says why.
caf::error end_of(const caf::actor& whom) {
  auto reason = std::make_shared<std::promise<caf::error>>();
  auto result = reason->get_future();
  whom->attach_functor([=](const caf::error& why) {
    reason->set_value(why);
  });
  REQUIRE(result.wait_for(30s) == std::future_status::ready);
  return result.get();
}

TEST_CASE("children here and on runners are started, restarted and stopped") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1});
    auto top = spawn({.intensity = 5,
                      .children = {
                        {.id = "here", .start = flame::here(counter, 1)},
                        {.id = "there", .start = flame::on(pool, counter, 2)},
                        {.id = "class", .start = flame::on<doubler>(pool, 21)},
                      }});
    CHECK(ask<int>(handle(top, "here"), get_atom::value) == 1);
    CHECK(ask<int>(handle(top, "there"), get_atom::value) == 2);
    CHECK(ask<int>(handle(top, "class"), get_atom::value) == 42);
    CHECK(pool.stats().in_use == 2);
    auto which = top.which_children();
    REQUIRE(which);
    CHECK(which->at(0).runner.empty());
    CHECK(which->at(1).runner == pool.name() + "-1");

    auto there = handle(top, "there");
    caf::anon_send(top.child("there").handle(), add_atom::value, 10);
    CHECK(ask<int>(there, get_atom::value) == 12);
    caf::anon_send(there, crash_atom::value);
    auto again = next_handle(top, "there", there);
    CHECK(ask<int>(again, get_atom::value) == 2);

    REQUIRE(top.terminate_child("class"));
    CHECK(eventually([&] {
      return pool.stats().in_use == 1;
    }));
    REQUIRE(top.restart_child("class"));
    top.shutdown();
    CHECK(eventually([&] {
      return pool.stats().in_use == 0;
    }));
    CHECK(top.which_children().error() == flame::errc::supervisor_ended);
    pool.shutdown();
  });
}

TEST_CASE("a child that cannot start on its runner is an error with its text") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    auto why = failure_of([&] {
      spawn(
        {.children = {
           {.id = "a", .start = flame::here(counter, 1)},
           {.id = "b", .start = flame::on(pool, never_starts, "out of luck")},
         }});
    });
    CHECK(why.code() == flame::errc::child_failed);
    CHECK(std::string{why.what()}.find("out of luck") != std::string::npos);
    auto top = spawn({});
    auto result = top.start_child(
      {.id = "b", .start = flame::on(pool, never_starts, "no")});
    CHECK(flame::code_of(result.error()) == flame::errc::child_failed);
    CHECK(top.which_children()->empty());
    top.shutdown();
    pool.shutdown();
  });
}

TEST_CASE("dynamic children are placed with the arguments of their start") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    auto top =
      spawn({.strategy = flame::strategy::dynamic,
             .children = {{.id = "n", .start = flame::on(pool, counter)}}});
    for (int i = 0; i < 5; ++i) {
      auto child = top.start_one(i);
      REQUIRE(child);
      CHECK(ask<int>(child->handle, get_atom::value) == i);
    }
    CHECK(flame::code_of(top.start_one("five").error())
          == flame::errc::bad_payload);
    auto counts = top.count_children();
    REQUIRE(counts);
    CHECK(counts->active == 5);
    top.shutdown();
    pool.shutdown();
  });
}

TEST_CASE("children of a lost runner restart on another one, for one restart") {
  auto pool = new_pool("process", {.max = 2, .max_concurrency = 8});
  std::vector<flame::child_spec> children;
  for (int i = 0; i < 6; ++i)
    children.push_back(
      {.id = std::to_string(i), .start = flame::on(pool, counter, i)});
  // A loss for each child would be six.
  auto top = spawn({.intensity = 1, .period = 1h, .children = children});
  auto pid = ask<int>(handle(top, "0"), pid_atom::value);
  std::vector<caf::actor> before;
  for (int i = 0; i < 6; ++i) {
    before.push_back(handle(top, std::to_string(i)));
    CHECK(ask<int>(before.back(), pid_atom::value) == pid);
  }
  REQUIRE(::kill(pid, SIGKILL) == 0);
  for (int i = 0; i < 6; ++i) {
    auto again =
      next_handle(top, std::to_string(i), before[static_cast<std::size_t>(i)]);
    REQUIRE(again);
    CHECK(ask<int>(again, get_atom::value) == i);
    CHECK(ask<int>(again, pid_atom::value) != pid);
  }
  // The second loss is one too many.
  auto ending = std::async(std::launch::async, [&] {
    return end_of(top.handle());
  });
  REQUIRE(::kill(ask<int>(handle(top, "0"), pid_atom::value), SIGKILL) == 0);
  CHECK(ending.get() == flame::errc::restart_intensity);
  CHECK(eventually([&] {
    return pool.stats().in_use == 0;
  }));
  pool.shutdown();
}

TEST_CASE("messages to a child wait while its runner is replaced") {
  auto pool = new_pool("process", {.max = 1});
  auto top =
    spawn({.intensity = 5,
           .children = {{.id = "a", .start = flame::on(pool, counter, 1)}}});
  auto a = top.child("a");
  auto before = a.now();
  auto pid = ask<int>(a.handle(), pid_atom::value);
  REQUIRE(::kill(pid, SIGKILL) == 0);
  REQUIRE(eventually([&] {
    return a.now() != before;
  }));
  CHECK(ask<int>(a.handle(), pid_atom::value) != pid);
  top.shutdown();
  pool.shutdown();
}

TEST_CASE("a supervisor that ends takes back what it is about to place") {
  on_each_backend([](const std::string& backend) {
    // One slot, which somebody else holds.
    auto pool = new_pool(backend, {.max = 1, .max_concurrency = 1});
    auto holder =
      spawn({.children = {{.id = "a", .start = flame::on(pool, counter, 1)}}});
    auto top = spawn({});
    caf::anon_send(
      top.handle(),
      flame::start_child{{.id = "b", .start = flame::on(pool, counter, 2)}});
    REQUIRE(eventually([&] {
      return pool.stats().queued == 1;
    }));
    // It answers while the start is under way.
    auto all = top.which_children();
    REQUIRE(all);
    CHECK(all->at(0).status == flame::child_status::starting);
    SUBCASE("told to") {
      top.shutdown();
    }
    SUBCASE("killed") {
      caf::anon_send_exit(top.handle(), caf::exit_reason::kill);
      end_of(top.handle());
    }
    CHECK(eventually([&] {
      return pool.stats().queued == 0;
    }));
    holder.shutdown();
    CHECK(eventually([&] {
      return pool.stats().in_use == 0;
    }));
    pool.shutdown();
  });
}

/// A supervisor on a runner, with its children there.
caf::behavior tree(caf::event_based_actor* self, int count) {
  self->system().registry().put(caf::atom("tree"),
                                caf::strong_actor_ptr{self->ctrl()});
  std::vector<flame::child_spec> children;
  for (int i = 0; i < count; ++i)
    children.push_back(
      {.id = std::to_string(i), .start = flame::here(counter, i)});
  return flame::supervise(self,
                          {.log = "off", .children = std::move(children)});
}

/// Asks the supervisor of this runner.
int children_of_tree() {
  auto& system = flame::this_node()->system();
  auto top =
    caf::actor_cast<caf::actor>(system.registry().get(caf::atom("tree")));
  caf::scoped_actor self{system};
  int result = -1;
  self->request(top, 10s, flame::count_children{})
    .receive(
      [&](const flame::child_counts& all) {
        result = static_cast<int>(all.active);
      },
      [](const caf::error&) {});
  return result;
}

int pid_here() {
  return ::getpid();
}

TEST_CASE("a supervisor is placed on a runner, and is a child as others are") {
  auto pool = new_pool("process", {.max = 1});
  auto top = spawn({.intensity = 2,
                    .children = {{.id = "tree",
                                  .start = flame::on(pool, tree, 3),
                                  .shutdown = flame::infinite,
                                  .type = flame::child_type::supervisor}}});
  CHECK(handle(top, "tree").node() != node().system().node());
  CHECK(top.count_children()->supervisors == 1);
  auto before = handle(top, "tree");
  CHECK(eventually([&] {
    return flame::call(pool, children_of_tree) == 3;
  }));
  auto pid = flame::call(pool, pid_here);
  REQUIRE(::kill(pid, SIGKILL) == 0);
  next_handle(top, "tree", before);
  CHECK(flame::call(pool, pid_here) != pid);
  CHECK(eventually([&] {
    return flame::call(pool, children_of_tree) == 3;
  }));
  top.shutdown();
  CHECK(eventually([&] {
    return pool.stats().in_use == 0;
  }));
  pool.shutdown();
}

TEST_CASE("a supervisor is controlled by actors with messages") {
  auto top = spawn({});
  auto states =
    in_actor<std::string>([&](caf::event_based_actor* self, auto done) {
      self
        ->request(
          top.handle(), caf::infinite,
          flame::start_child{{.id = "a", .start = flame::here(counter, 1)}})
        .then(
          [=](const flame::child_info& child) {
            self->request(top.handle(), caf::infinite, flame::which_children{})
              .then([=](const std::vector<flame::child_info>& all) {
                done(child.id + ' ' + flame::to_string(all.at(0).status));
              });
          },
          [=](const caf::error& why) {
            done(flame::describe(why));
          });
    });
  CHECK(states == "a running");
  top.shutdown();
}

TEST_CASE("to wait for a supervisor inside an actor is refused") {
  auto top = spawn({});
  auto refusals =
    in_actor<std::string>([&](caf::event_based_actor*, auto done) {
      auto asked = top.which_children();
      std::string result = flame::describe(asked.error()).substr(0, 19);
      try {
        auto none = flame::spawn_supervisor(node().system(), {});
      } catch (const flame::call_error& error) {
        result += ' ' + std::string{flame::to_string(error.code())};
      }
      try {
        top.shutdown();
      } catch (const flame::call_error& error) {
        result += ' ' + std::string{flame::to_string(error.code())};
      }
      done(result);
    });
  CHECK(refusals
        == "on_scheduler_thread on_scheduler_thread on_scheduler_thread");
  top.shutdown();
}

TEST_CASE("every request through a reference is answered while the child is "
          "restarted again and again") {
  auto top =
    spawn({.intensity = 1'000'000,
           .children = {
             {.id = "a", .start = flame::here(counter, 1), .shutdown = 1s}}});
  std::atomic<int> answers{0};
  std::atomic<int> losses{0};
  std::atomic<int> others{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&] {
      auto a = top.child("a");
      caf::scoped_actor self{node().system()};
      for (int i = 0; i < 300; ++i)
        self->request(a.handle(), 30s, get_atom::value)
          .receive(
            [&](int) {
              ++answers;
            },
            [&](const caf::error& why) {
              // It was in the mailbox of one that ended.
              ++(why == caf::sec::request_receiver_down ? losses : others);
            });
    });
  for (int i = 0; i < 100; ++i) {
    auto before = top.child("a").now();
    if (before)
      caf::anon_send_exit(before, caf::exit_reason::kill);
    next_handle(top, "a", before);
  }
  for (auto& each : threads)
    each.join();
  CHECK(answers + losses == 900);
  CHECK(others == 0);
  CHECK(answers > 0);
  top.shutdown();
}

TEST_CASE("threads control one supervisor, all at a time") {
  auto top = spawn({.strategy = flame::strategy::dynamic,
                    .children = {{.id = "n",
                                  .start = flame::here(counter),
                                  .restart = flame::restart::temporary}}});
  std::vector<std::thread> threads;
  std::atomic<int> failures{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        auto child = top.start_one(i);
        if (!child || !top.terminate_child(child->id))
          ++failures;
      }
    });
  for (auto& each : threads)
    each.join();
  CHECK(failures == 0);
  CHECK(top.count_children()->active == 0);
  top.shutdown();
  // And once more, of one that has ended.
  top.shutdown();
}

} // namespace
