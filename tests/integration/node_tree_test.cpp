#include <thread>

#include <signal.h>
#include <unistd.h>

#include "support/actors.hpp"
#include "support/processes.hpp"
#include "support/sanitizers.hpp"

using namespace std::chrono_literals;
using namespace tests;

namespace {

int pid_after(std::chrono::milliseconds time) {
  std::this_thread::sleep_for(time);
  return ::getpid();
}

/// An actor of the node, by its name as a child of the node's supervisor.
caf::actor own_actor(const flame::node& which, const std::string& id) {
  return which.root().child(id).now();
}

void kill_actor(const flame::node& which, const std::string& id) {
  auto last = own_actor(which, id);
  REQUIRE(last);
  caf::anon_send_exit(last, caf::exit_reason::kill);
  CHECK(eventually([&] {
    auto now = own_actor(which, id);
    return now && now != last;
  }));
}

std::size_t restarts_of(const flame::node& which, const std::string& id) {
  auto children = which.root().which_children();
  REQUIRE(children);
  for (auto& each : *children)
    if (each.id == id)
      return each.restarts;
  FAIL("the node has no " << id);
  return 0;
}

const flame::tree_entry* find(const flame::tree_entry& in,
                              flame::tree_kind kind, const std::string& name) {
  for (auto& each : in.children) {
    if (each.kind == kind && each.name == name)
      return &each;
    if (auto* found = find(each, kind, name))
      return found;
  }
  return nullptr;
}

std::string fact(const flame::tree_entry& of, const std::string& name) {
  for (auto& [key, value] : of.facts)
    if (key == name)
      return value;
  return "none";
}

caf::behavior sleeper(caf::event_based_actor*) {
  return {[](end_atom) {}};
}

/// A node beside that of the test program.
class other_node {
public:
  other_node() : system_((flame::configure(config_), config_)) {
    node_.emplace(system_, flame::node_options{});
  }

  flame::node& operator*() {
    return *node_;
  }

  flame::node* operator->() {
    return &*node_;
  }

private:
  caf::actor_system_config config_;
  caf::actor_system system_;
  std::optional<flame::node> node_;
};

} // namespace

TEST_CASE("a pool whose actor is killed keeps its runners and all callers") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1, .max_concurrency = 1});
    auto id = "pool " + pool.name();
    auto pid = flame::call(pool, ::getpid);
    auto first = flame::async(pool, pid_after, 200ms);
    auto second = flame::async(pool, pid_after, 1ms);
    kill_actor(node(), id);
    CHECK(first.get() == pid);
    CHECK(second.get() == pid);
    CHECK(flame::call(pool, ::getpid) == pid);
    CHECK(restarts_of(node(), id) == 1);
    CHECK(pool.stats().boots == 1);
    CHECK(pool.stats().lost == 0);
    pool.shutdown();
    CHECK(pool.stats().runners == 0);
    CHECK(pool.stats().retired == 1);
  });
}

TEST_CASE("a pool whose actor is killed while it shuts down does so") {
  auto pool = new_pool("process", {.max = 1});
  auto work = flame::async(pool, pid_after, 300ms);
  REQUIRE(eventually([&] {
    return pool.stats().in_use == 1;
  }));
  auto pid = std::stoi(fact(
    *find(node().tree(), flame::tree_kind::runner, pool.name() + "-1"), "pid"));
  std::thread ending{[&] {
    pool.shutdown();
  }};
  REQUIRE(eventually([&] {
    try {
      flame::call(pool, ::getpid);
      return false;
    } catch (const flame::call_error& error) {
      return error.code() == flame::errc::pool_closed;
    }
  }));
  kill_actor(node(), "pool " + pool.name());
  ending.join();
  CHECK(work.get() == pid);
  CHECK_FALSE(is_running(pid));
}

TEST_CASE("runners join through a gateway that has been killed") {
  auto pool = new_pool("process", {.min = 1, .max = 2, .max_concurrency = 1});
  auto pid = flame::call(pool, ::getpid);
  auto before = restarts_of(node(), "gateway");
  kill_actor(node(), "gateway");
  auto first = flame::async(pool, pid_after, beyond_boot(500ms));
  CHECK(flame::call(pool, ::getpid) != pid);
  CHECK(first.get() == pid);
  CHECK(restarts_of(node(), "gateway") == before + 1);
  CHECK(pool.stats().lost == 0);
  pool.shutdown();
  CHECK(pool.stats().retired == 2);
}

TEST_CASE("where a pool's actor ends again and again, callers are told") {
  other_node other;
  auto pool = other->pool("broken", {.min = 1, .max = 1, .backend = "process"});
  auto pid = flame::call(pool, ::getpid);
  auto work = flame::async(pool, pid_after, 60s);
  REQUIRE(eventually([&] {
    return pool.stats().in_use == 1;
  }));
  for (int i = 0; i < 10; ++i)
    kill_actor(*other, "pool broken");
  // One more than the supervisor takes.
  caf::anon_send_exit(own_actor(*other, "pool broken"), caf::exit_reason::kill);
  auto lost = failure_of([&] {
    work.get();
  });
  CHECK(lost.code() == flame::errc::runner_lost);
  auto closed = failure_of([&] {
    flame::call(pool, ::getpid);
  });
  CHECK(closed.code() == flame::errc::pool_closed);
  CHECK(std::string{closed.what()}.find("gave up on child pool broken")
        != std::string::npos);
  CHECK(eventually([&] {
    return !is_running(pid);
  }));
  // Nothing is left to wait for.
  pool.shutdown();
}

TEST_CASE("a node shows its pools, runners and children") {
  auto pool = new_pool("process", {.min = 1, .max = 1, .max_concurrency = 3});
  auto pid = flame::call(pool, ::getpid);
  auto top = flame::spawn_supervisor(
    node().system(),
    {.name = "media",
     .strategy = flame::strategy::rest_for_one,
     .children = {
       {.id = "store", .start = flame::here(sleeper)},
       {.id = "encoder", .start = flame::on(pool, sleeper)},
       {.id = "watchers",
        .start = flame::supervisor_options{
          .name = "inner",
          .children = {{.id = "one", .start = flame::here(sleeper)}}}}}});
  auto work = flame::async(pool, pid_after, 500ms);
  REQUIRE(eventually([&] {
    return pool.stats().in_use == 2;
  }));
  auto tree = node().tree();
  INFO(to_string(tree));
  CHECK(tree.kind == flame::tree_kind::node);
  CHECK(fact(tree, "pid") == std::to_string(::getpid()));
  CHECK(find(tree, flame::tree_kind::gateway, "")->state == "running");
  auto* shown = find(tree, flame::tree_kind::pool, pool.name());
  REQUIRE(shown);
  CHECK(shown->state == "running");
  CHECK(fact(*shown, "slots") == "2/3");
  REQUIRE(shown->children.size() == 1);
  auto& runner = shown->children[0];
  CHECK(runner.name == pool.name() + "-1");
  CHECK(runner.state == "ready");
  CHECK(runner.age > 0s);
  CHECK(fact(runner, "pid") == std::to_string(pid));
  CHECK(fact(runner, "slots") == "2/3");
  REQUIRE(runner.children.size() == 1);
  CHECK(runner.children[0].name == "media/encoder");
  auto* media = find(tree, flame::tree_kind::supervisor, "media");
  REQUIRE(media);
  CHECK(fact(*media, "strategy") == "rest_for_one");
  REQUIRE(media->children.size() == 3);
  CHECK(media->children[0].name == "store");
  CHECK(media->children[0].state == "running");
  CHECK(fact(media->children[1], "runner") == runner.name);
  CHECK(media->children[2].kind == flame::tree_kind::supervisor);
  REQUIRE(media->children[2].children.size() == 1);
  CHECK(media->children[2].children[0].name == "one");
  // The inner one is nowhere else.
  CHECK_FALSE(find(tree, flame::tree_kind::supervisor, "inner"));
  work.get();
  top.shutdown();
  CHECK_FALSE(find(node().tree(), flame::tree_kind::supervisor, "media"));
}

TEST_CASE("restarts are counted in the tree") {
  auto top = flame::spawn_supervisor(
    node().system(),
    {.name = "counted",
     .children = {{.id = "one", .start = flame::here(sleeper)}}});
  auto one = top.child("one");
  auto last = one.now();
  caf::anon_send_exit(last, caf::exit_reason::kill);
  REQUIRE(eventually([&] {
    auto now = one.now();
    return now && now != last;
  }));
  auto tree = node().tree();
  INFO(to_string(tree));
  auto* shown = find(tree, flame::tree_kind::child, "one");
  REQUIRE(shown);
  CHECK(shown->restarts == 1);
  top.shutdown();
}

TEST_CASE("a tree is not drawn inside an actor") {
  auto code = in_actor<flame::errc>([](caf::event_based_actor*, auto done) {
    done(failure_of([] {
           node().tree();
         }).code());
  });
  CHECK(code == flame::errc::on_scheduler_thread);
}

TEST_CASE("a tree is drawn with a line for each part") {
  flame::tree_entry tree{
    .kind = flame::tree_kind::node,
    .name = "flame",
    .facts = {{"pid", "1"}},
    .children = {{.kind = flame::tree_kind::pool,
                  .name = "p",
                  .state = "running",
                  .restarts = 2,
                  .age = 61'500ms,
                  .children = {{.kind = flame::tree_kind::runner,
                                .name = "p-1",
                                .state = "ready",
                                .age = 15ms}}},
                 {.kind = flame::tree_kind::supervisor,
                  .name = "s",
                  .state = "running",
                  .age = 26h}}};
  CHECK(to_string(tree)
        == "node flame pid=1\n"
           "├─ pool p running 1min 1s restarts=2\n"
           "│  └─ runner p-1 ready 15ms\n"
           "└─ supervisor s running 1d 2h\n");
}
