/// Topics across parent and runners.
#include <csignal>

#include <unistd.h>

#include "support/actors.hpp"

using namespace tests;

namespace {

using go_atom = caf::atom_constant<caf::atom("go")>;

/// Announced to no actor system.
struct progress {
  std::string file;
  int percent = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, progress& x) {
  return f(caf::meta::type_name("progress"), x.file, x.percent);
}

flame::pubsub bus() {
  return node().pubsub();
}

/// The next `count` numbers that are published.
std::vector<int> take(caf::scoped_actor& self, std::size_t count) {
  std::vector<int> result;
  auto is_late = false;
  while (result.size() < count && !is_late)
    self->receive(
      [&](caf::publish_atom, const std::string&, int value) {
        result.push_back(value);
      },
      caf::after(10s) >>
        [&] {
          is_late = true;
        });
  return result;
}

std::vector<int> up_to(int count) {
  std::vector<int> result;
  for (auto i = 0; i < count; ++i)
    result.push_back(i);
  return result;
}

/// Waits until the parent knows so many subscribers.
bool has_subscribers(const std::string& topic, std::size_t count) {
  return eventually([&] {
    return bus().subscribers(topic) == count;
  });
}

// -- what runs on runners -----------------------------------------------------

int publish_numbers(const std::string& topic, int count) {
  auto topics = flame::this_pubsub();
  for (auto i = 0; i < count; ++i)
    topics.publish(topic, i);
  return ::getpid();
}

/// Subscribes, and tells `whom` of what comes.
caf::behavior listener(caf::event_based_actor* self, const std::string& topic,
                       const caf::actor& whom) {
  flame::this_pubsub().subscribe(self, topic);
  return {[=](caf::publish_atom, const std::string&, int value) {
    self->send(whom, caf::publish_atom::value, topic, value);
  }};
}

/// Actors that are nobody's children, and live until the runner ends.
void start_listeners(const std::string& topic, const caf::actor& whom,
                     int count) {
  for (auto i = 0; i < count; ++i)
    flame::this_node()->system().spawn(listener, topic, whom);
}

void end_own_process() {
  ::kill(::getpid(), SIGKILL);
}

/// Places a child, and holds on to it until this ends. Waits until it is there:
/// its subscription is known here by then.
class placer {
public:
  template <class F, class... Args>
  placer(const flame::pool& pool, F behavior, Args... args) {
    auto ready = std::make_shared<std::promise<caf::actor>>();
    auto child = ready->get_future();
    self_ =
      node().system().spawn([=](caf::event_based_actor* self) -> caf::behavior {
        flame::place_child(self, pool, behavior, args...)
          .then(
            [=](const caf::actor& placed) {
              ready->set_value(placed);
            },
            [=](const caf::error&) {
              ready->set_value(nullptr);
            });
        return {[=](end_atom) {
          self->quit();
        }};
      });
    REQUIRE(child.wait_for(20s) == std::future_status::ready);
    child_ = child.get();
    REQUIRE(child_);
  }

  ~placer() {
    caf::scoped_actor self{node().system()};
    self->send(self_, end_atom::value);
    self->wait_for(self_);
  }

  placer(const placer&) = delete;
  placer& operator=(const placer&) = delete;

  const caf::actor& child() const {
    return child_;
  }

private:
  caf::actor self_;
  caf::actor child_;
};

} // namespace

void tests::configure(flame::node_options&) {
  // nop
}

TEST_CASE("what a function on a runner publishes arrives here, in order") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    caf::scoped_actor self{node().system()};
    bus().subscribe(self, "numbers");
    auto pid = flame::call(pool, publish_numbers, "numbers", 500);
    CHECK((pid == ::getpid()) == (backend == "local"));
    CHECK(take(self, 500) == up_to(500));
    bus().unsubscribe(self, "numbers");
    CHECK(bus().subscribers("numbers") == 0);
  });
}

TEST_CASE("a child on a runner gets what is published here, from the first") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    caf::scoped_actor self{node().system()};
    {
      placer placed{pool, listener, "numbers", caf::actor{self}};
      for (auto i = 0; i < 100; ++i)
        bus().publish("numbers", i);
      CHECK(take(self, 100) == up_to(100));
    }
    CHECK(has_subscribers("numbers", 0));
  });
}

TEST_CASE("what is published on a runner arrives on another one") {
  on_each_backend([](const std::string& backend) {
    auto to = new_pool(backend);
    auto from = new_pool(backend);
    caf::scoped_actor self{node().system()};
    placer placed{to, listener, "numbers", caf::actor{self}};
    flame::call(from, publish_numbers, "numbers", 100);
    CHECK(take(self, 100) == up_to(100));
  });
}

TEST_CASE("all actors of a runner get a publication, which goes there once") {
  auto pool = new_pool("process", {.max = 1});
  caf::scoped_actor self{node().system()};
  flame::call(pool, start_listeners, "crowd", caf::actor{self}, 20);
  REQUIRE(has_subscribers("crowd", 1));
  // From the parent, an actor there is subscribed there.
  placer placed{pool, listener, "others", caf::actor{self}};
  bus().subscribe(placed.child(), "crowd");
  bus().publish("others", 0);
  CHECK(take(self, 1) == std::vector{0});
  CHECK(bus().subscribers("crowd") == 1);
  bus().publish("crowd", 7);
  CHECK(take(self, 21) == std::vector<int>(21, 7));
  bus().unsubscribe(placed.child(), "crowd");
  bus().publish("others", 1);
  CHECK(take(self, 1) == std::vector{1});
  bus().publish("crowd", 8);
  CHECK(take(self, 20) == std::vector<int>(20, 8));
  bus().publish("others", 2);
  CHECK(take(self, 1) == std::vector{2});
}

TEST_CASE("a runner that is killed is subscribed to nothing") {
  auto pool = new_pool("process", {.max = 1});
  caf::scoped_actor self{node().system()};
  flame::call(pool, start_listeners, "killed", caf::actor{self}, 3);
  REQUIRE(has_subscribers("killed", 1));
  failure_of([&] {
    flame::call(pool, end_own_process);
  });
  CHECK(has_subscribers("killed", 0));
}

TEST_CASE(
  "a runner that is let go is subscribed to nothing, and goes in time") {
  auto pool = new_pool("process", {.max = 1, .idle_shutdown_after = 50ms});
  caf::scoped_actor self{node().system()};
  flame::call(pool, start_listeners, "idle", caf::actor{self}, 3);
  CHECK(eventually([&] {
    return pool.stats().retired == 1;
  }));
  CHECK(has_subscribers("idle", 0));
}

TEST_CASE("a type that is announced nowhere arrives, in both directions") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    caf::scoped_actor self{node().system()};
    bus().subscribe(self, "uploads");
    auto answer = [](caf::event_based_actor* actor) -> caf::behavior {
      flame::this_pubsub().subscribe(actor, "requests");
      return {[](caf::publish_atom, const std::string&, progress what) {
        ++what.percent;
        flame::this_pubsub().publish("uploads", what);
      }};
    };
    placer placed{pool, answer};
    bus().publish("requests", progress{"a.mp4", 40});
    self->receive(
      [](caf::publish_atom, const std::string& topic, const progress& what) {
        CHECK(topic == "uploads");
        CHECK(what.file == "a.mp4");
        CHECK(what.percent == 41);
      },
      caf::after(10s) >>
        [] {
          FAIL("nothing has come");
        });
  });
}

TEST_CASE("actor handles that are published can be used on each node") {
  auto to = new_pool("process");
  auto from = new_pool("process");
  caf::scoped_actor self{node().system()};
  auto answer_to = [](caf::event_based_actor* actor, const std::string& topic,
                      const caf::actor& whom) -> caf::behavior {
    flame::this_pubsub().subscribe(actor, topic);
    return {
      [=](caf::publish_atom, const std::string&, const caf::actor& other) {
        actor->request(other, 10s, go_atom::value).then([=](int value) {
          actor->send(whom, caf::publish_atom::value, topic, value);
        });
      }};
  };
  placer placed{to, answer_to, "handles", caf::actor{self}};
  flame::call(from, [] {
    auto who = flame::this_node()->system().spawn(
      [](caf::event_based_actor*) -> caf::behavior {
        return {[](go_atom) {
          return 42;
        }};
      });
    flame::this_pubsub().publish("handles", who);
  });
  CHECK(take(self, 1) == std::vector{42});
}

TEST_CASE("a call in a process of its own has no topics, and is told so") {
  auto pool = new_pool("process", {.isolation = flame::isolation::process});
  auto error = failure_of([&] {
    flame::call(pool, publish_numbers, "numbers", 1);
  });
  CHECK(error.code() == flame::errc::invalid_configuration);
  CHECK(std::string{error.what()}.find("isolation: process")
        != std::string::npos);
}
