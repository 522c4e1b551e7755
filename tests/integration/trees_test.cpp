// Trees of supervisors from a configuration file, with real runners.
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include <signal.h>
#include <unistd.h>

#include "support/actors.hpp"
#include "support/processes.hpp"
#include "support/test_main.hpp"

using namespace std::chrono_literals;
using namespace tests;

namespace {

using get_atom = caf::atom_constant<caf::atom("get")>;
using pid_atom = caf::atom_constant<caf::atom("pid")>;

constexpr const char* file = R"(
pools:
  web: {max: 1, backend: process}
supervisors:
  media:
    strategy: rest_for_one
    intensity: 5
    log: "off"
    children:
      - id: store
        args: [shelf, 3]
      - id: encoder
        start: worker
        args: [[1, 2], 4ms]
        pool: web
        timeout: 20s
      - id: more
        supervisor:
          log: "off"
          children: [{id: idle, start: worker, args: [[]]}]
  fragile:
    intensity: 0
    log: "off"
    children: [{id: a, start: worker, args: [[]]}]
  shy:
    log: "off"
    children: [{id: idle, start: worker, args: [[]]}, {id: shy}]
  slow:
    log: "off"
    children: [{id: late}]
)";

/// What children say of their ends, on the parent.
std::mutex news_mutex;
std::vector<std::string> news;

void tell(std::string what) {
  std::lock_guard guard{news_mutex};
  news.push_back(std::move(what));
}

std::vector<std::string> take_news() {
  std::lock_guard guard{news_mutex};
  return std::exchange(news, {});
}

caf::behavior store(caf::event_based_actor* self, const std::string& name,
                    std::uint8_t number) {
  self->attach_functor([=](const caf::error&) {
    tell(name + std::to_string(number));
  });
  return {[=](get_atom) {
    return name + std::to_string(number);
  }};
}

caf::behavior worker(caf::event_based_actor*, const std::vector<int>& numbers,
                     std::optional<std::chrono::milliseconds> time) {
  auto sum = static_cast<int>(time.value_or(0ms).count());
  for (auto each : numbers)
    sum += each;
  return {
    [=](get_atom) {
      return sum;
    },
    [](pid_atom) {
      return static_cast<int>(::getpid());
    },
  };
}

std::atomic<int> shy_starts{0};

caf::behavior shy(caf::event_based_actor* self) {
  if (++shy_starts == 1)
    throw std::runtime_error("not at the first time");
  return worker(self, {}, {});
}

/// Starts when it is told to.
std::promise<void> may_start;

caf::behavior late(caf::event_based_actor* self) {
  may_start.get_future().wait();
  return worker(self, {}, {});
}

void add_children(flame::node_options& options) {
  options.children.add("store", store);
  options.children.add("worker", worker);
  options.children.add("shy", shy);
  options.children.add("late", late);
}

flame::configuration load_file() {
  auto path = std::filesystem::temp_directory_path()
              / ("flame-trees-" + std::to_string(::getpid()) + ".yaml");
  std::ofstream{path} << file;
  auto result = flame::configuration::load({.file = path.string()});
  std::filesystem::remove(path);
  return result;
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

void await_end(const caf::actor& whom) {
  caf::scoped_actor self{node().system()};
  self->wait_for(whom);
}

std::string failure_text(flame::node& where, const std::string& name) {
  try {
    where.supervisor(name);
    return "no failure";
  } catch (const flame::call_error& error) {
    return std::string{flame::to_string(error.code())} + ": " + error.what();
  }
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("a tree of a file restarts its children, here and on runners") {
  auto top = node().supervisor("media");
  CHECK(ask<std::string>(top.child("store").handle(), get_atom::value)
        == "shelf3");
  auto encoder = top.child("encoder").now();
  CHECK(ask<int>(encoder, get_atom::value) == 7);
  auto pid = ask<int>(encoder, pid_atom::value);
  REQUIRE(pid != ::getpid());
  REQUIRE(::kill(pid, SIGKILL) == 0);
  auto again = next_handle(top, "encoder", encoder);
  CHECK(ask<int>(again, get_atom::value) == 7);
  CHECK(ask<int>(again, pid_atom::value) != pid);
  auto counts = top.count_children();
  REQUIRE(counts);
  CHECK(counts->supervisors == 1);
  // It is the one that there is, and stays.
  CHECK(node().supervisor("media").handle() == top.handle());
  CHECK(node().supervisors().at("media").handle() == top.handle());
  top.shutdown();
  CHECK_FALSE(node().supervisors().contains("media"));
}

TEST_CASE("a tree that has given up is started anew by the next call") {
  auto top = node().supervisor("fragile");
  auto child = top.child("a").now();
  caf::anon_send_exit(child, caf::exit_reason::kill);
  await_end(top.handle());
  CHECK_FALSE(node().supervisors().contains("fragile"));
  auto again = node().supervisor("fragile");
  CHECK(again.handle() != top.handle());
  CHECK(ask<int>(again.child("a").handle(), get_atom::value) == 0);
  again.shutdown();
}

TEST_CASE("a tree whose child cannot start is told so, and starts later") {
  auto why = failure_text(node(), "shy");
  CHECK(why.starts_with("child_failed: supervisor shy could not start child "
                        "shy: "));
  CHECK(contains(why, "not at the first time"));
  CHECK(node().supervisors().empty());
  node().supervisor("shy").shutdown();
}

TEST_CASE("threads that ask for a tree at once get the same one") {
  may_start = {};
  std::vector<std::future<caf::actor>> asked;
  for (int i = 0; i < 4; ++i)
    asked.push_back(std::async(std::launch::async, [] {
      return node().supervisor("slow").handle();
    }));
  CHECK(node().supervisors().empty());
  may_start.set_value();
  std::vector<caf::actor> tops;
  for (auto& each : asked)
    tops.push_back(each.get());
  for (auto& each : tops)
    CHECK(each == tops.front());
  node().supervisor("slow").shutdown();
}

TEST_CASE("inside an actor a tree is not started, and found if it is there") {
  auto ask_inside = [] {
    return in_actor<std::string>([](caf::event_based_actor*, auto done) {
      done(failure_text(node(), "fragile"));
    });
  };
  CHECK(ask_inside().starts_with("on_scheduler_thread: supervisor fragile "));
  auto top = node().supervisor("fragile");
  CHECK(ask_inside() == "no failure");
  top.shutdown();
}

TEST_CASE("trees are the parent's: a runner has none") {
  auto pool = new_pool("process", {.max = 1});
  CHECK(contains(flame::call(pool,
                             [] {
                               return failure_text(*flame::this_node(),
                                                   "media");
                             }),
                 "supervisor media was asked for on a runner"));
  pool.shutdown();
}

TEST_CASE("a name that the file does not have is refused") {
  CHECK(failure_text(node(), "medai")
        == "invalid_configuration: the configuration has no supervisor "
           "`medai`: did you mean `media`?");
}

TEST_CASE("a node that ends takes its trees along, and then its pools") {
  caf::actor_system_config settings;
  flame::configure(settings);
  caf::actor_system system{settings};
  auto actors = system.registry().running();
  int pid = 0;
  {
    flame::node_options options;
    options.config = load_file();
    add_children(options);
    options.pools["spare"] = {};
    flame::node other{system, options};
    auto top = other.supervisor("media");
    top.handle()->attach_functor([](const caf::error& reason) {
      tell(reason == caf::exit_reason::user_shutdown ? "the tree, told to"
                                                     : "the tree, by itself");
    });
    caf::scoped_actor self{system};
    self->request(top.child("encoder").handle(), 10s, pid_atom::value)
      .receive(
        [&](int value) {
          pid = value;
        },
        [](const caf::error&) {});
    CHECK(is_running(pid));
    take_news();
    SUBCASE("by its destructor") {
      // nop
    }
    SUBCASE("told to") {
      other.shutdown();
      CHECK(failure_text(other, "fragile").starts_with("supervisor_ended: "));
      CHECK(other.supervisors().empty());
    }
    SUBCASE("while a tree is about to start") {
      may_start = {};
      auto asked = std::async(std::launch::async, [&] {
        return failure_text(other, "slow");
      });
      std::thread shutting{[&] {
        other.shutdown();
      }};
      may_start.set_value();
      shutting.join();
      // Whichever was first.
      auto outcome = asked.get();
      CAPTURE(outcome);
      CHECK(
        (outcome == "no failure" || outcome.starts_with("supervisor_ended: ")));
    }
  }
  CHECK_FALSE(is_running(pid));
  // A pool that ends first takes its children along, and the tree gives up.
  CHECK(take_news() == std::vector<std::string>{"shelf3", "the tree, told to"});
  CHECK(eventually([&] {
    return system.registry().running() == actors;
  }));
}

} // namespace

void tests::configure(flame::node_options& options) {
  add_children(options);
  // Runners need no file, which is gone by then.
  if (!flame::is_runner_process())
    options.config = load_file();
}
