#include "flame/pubsub.hpp"

#include <atomic>
#include <chrono>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <thread>

#include <doctest/doctest.h>

#include "flame/error.hpp"
#include "handles.hpp"
#include "inline_actor.hpp"
#include "pubsub_broker.hpp"
#include "support/failure_of.hpp"
#include "support/scheduler_config.hpp"

namespace {

using namespace flame::detail;

using flame::errc;
using flame::pubsub;

using tests::failure_of;

using end_atom = caf::atom_constant<caf::atom("end")>;

/// Announced to no actor system.
struct progress {
  std::string file;
  std::vector<double> parts;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, progress& x) {
  return f(caf::meta::type_name("progress"), x.file, x.parts);
}

/// Cannot be encoded.
struct stubborn {
  int value = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, stubborn& x) {
  return f(x.value, caf::meta::save_callback([] {
             return caf::make_error(caf::sec::invalid_argument);
           }));
}

/// A broker of a node of its own, as far as brokers can tell.
struct one_node {
  explicit one_node(caf::actor_system& system)
    : broker(pubsub_broker::make(
      system, std::make_shared<system_handles>(system, true))),
      bus(broker) {
    // nop
  }

  ~one_node() {
    broker->close();
  }

  one_node(const one_node&) = delete;
  one_node& operator=(const one_node&) = delete;

  std::shared_ptr<pubsub_broker> broker;
  pubsub bus;
};

struct world {
  tests::threaded_scheduling config;
  caf::actor_system system{config};
  one_node parent{system};
  pubsub& bus = parent.bus;
};

/// A runner and its connection, which is function calls: what is sent has
/// arrived when `publish` returns.
class one_runner : public one_node {
public:
  one_runner(world& w, std::uint64_t number)
    : one_node(w.system),
      to_runner_(wire(broker->address(), received)),
      to_parent_(spawn_inline_actor(
        w.system, [=, this, on = wire(w.parent.broker->address(), sent)](
                    const caf::message& what) {
          if (what.match_elements<join_atom, std::uint64_t, caf::actor>())
            caf::anon_send(on, join_atom::value, number, to_runner_);
          else
            caf::anon_send(on, what);
        })) {
    broker->connect(to_parent_, number);
  }

  ~one_runner() {
    lose();
  }

  one_runner(const one_runner&) = delete;
  one_runner& operator=(const one_runner&) = delete;

  /// As CAF does it when the connection ends.
  void lose() {
    end_inline_actor(to_runner_);
  }

  /// Publications that have crossed the connection.
  std::atomic<int> sent = 0;
  std::atomic<int> received = 0;

private:
  caf::actor wire(const caf::actor& to, std::atomic<int>& count) {
    return spawn_inline_actor(
      to->home_system(), [to, &count](const caf::message& what) {
        if (what.match_element<caf::atom_value>(0)
            && what.get_as<caf::atom_value>(0) == caf::publish_atom::value)
          ++count;
        caf::anon_send(to, what);
      });
  }

  caf::actor to_runner_;
  caf::actor to_parent_;
};

/// The number in the next publication; nothing if there is none.
std::optional<int> next(caf::scoped_actor& self,
                        const std::string& wanted = "news") {
  std::optional<int> result;
  if (self->has_next_message())
    self->receive([&](caf::publish_atom, const std::string& topic, int value) {
      CHECK(topic == wanted);
      result = value;
    });
  return result;
}

void end(caf::actor_system& system, const caf::actor& whom) {
  caf::scoped_actor self{system};
  self->send_exit(whom, caf::exit_reason::user_shutdown);
  self->wait_for(whom);
}

/// Whoever waits for an actor may know of its end before the broker does.
bool has_no_topics(const one_node& node) {
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
  while (node.broker->topics() > 0) {
    if (std::chrono::steady_clock::now() > deadline)
      return false;
    std::this_thread::yield();
  }
  return true;
}

caf::behavior idler(caf::event_based_actor*) {
  return {[](end_atom) {}};
}

TEST_CASE("all subscribers of a topic get what is published, and nobody else") {
  world w;
  caf::scoped_actor one{w.system};
  caf::scoped_actor two{w.system};
  caf::scoped_actor other{w.system};
  w.bus.subscribe(one, "news");
  w.bus.subscribe(two, "news");
  w.bus.subscribe(other, "newspapers");
  w.bus.publish("news", 1);
  CHECK(next(one) == 1);
  CHECK(next(two) == 1);
  CHECK_FALSE(next(one));
  CHECK_FALSE(other->has_next_message());
  CHECK(w.bus.subscribers("news") == 2);
  CHECK(w.bus.subscribers("olds") == 0);
  CHECK(w.parent.broker->topics() == 2);
}

TEST_CASE("nothing is kept for those who subscribe later") {
  world w;
  caf::scoped_actor self{w.system};
  w.bus.publish("news", 1);
  w.bus.subscribe(self, "news");
  CHECK_FALSE(next(self));
}

TEST_CASE("an actor that subscribes twice gets a publication once") {
  world w;
  caf::scoped_actor self{w.system};
  w.bus.subscribe(self, "news");
  w.bus.subscribe(self, "news");
  w.bus.publish("news", 1);
  CHECK(next(self) == 1);
  CHECK_FALSE(next(self));
  w.bus.unsubscribe(self, "news");
  CHECK(w.parent.broker->topics() == 0);
}

TEST_CASE("who has unsubscribed gets nothing more") {
  world w;
  caf::scoped_actor self{w.system};
  w.bus.subscribe(self, "news");
  w.bus.subscribe(self, "weather");
  w.bus.unsubscribe(self, "news");
  w.bus.unsubscribe(self, "news");
  w.bus.unsubscribe(self, "unheard of");
  w.bus.publish("news", 1);
  w.bus.publish("weather", 2);
  CHECK(next(self, "weather") == 2);
  CHECK_FALSE(next(self));
  w.bus.subscribe(self, "news");
  w.bus.publish("news", 3);
  CHECK(next(self) == 3);
}

TEST_CASE("any values can be published, and none, here and elsewhere") {
  world w;
  one_runner runner{w, 1};
  caf::scoped_actor here{w.system};
  caf::scoped_actor there{w.system};
  w.bus.subscribe(here, "news");
  runner.bus.subscribe(there, "news");
  const std::string text = "text";
  const progress whole{"a.mp4", {0.5, 1}};
  w.bus.publish("news");
  w.bus.publish("news", "literal", text, std::string_view{text}, 2.5,
                std::int64_t{-1}, end_atom::value);
  w.bus.publish("news", whole);
  w.bus.publish("news", std::vector<int>{1, 2}, caf::actor{here});
  for (auto* self : {&here, &there}) {
    auto seen = 0;
    for (auto i = 0; i < 4; ++i) {
      REQUIRE((*self)->has_next_message());
      (*self)->receive(
        [&](caf::publish_atom, const std::string& topic) {
          CHECK(seen++ == 0);
          CHECK(topic == "news");
        },
        [&](caf::publish_atom, const std::string&, const std::string& first,
            const std::string& second, const std::string& third, double number,
            std::int64_t integer, end_atom) {
          CHECK(seen++ == 1);
          CHECK(first == "literal");
          CHECK(second == "text");
          CHECK(third == "text");
          CHECK(number == 2.5);
          CHECK(integer == -1);
        },
        [&](caf::publish_atom, const std::string&, const progress& what) {
          CHECK(seen++ == 2);
          CHECK(what.file == "a.mp4");
          CHECK(what.parts == std::vector{0.5, 1.});
        },
        [&](caf::publish_atom, const std::string&,
            const std::vector<int>& numbers, const caf::actor& who) {
          CHECK(seen++ == 3);
          CHECK(numbers == std::vector{1, 2});
          CHECK(who == here);
        });
    }
    CHECK(seen == 4);
  }
}

TEST_CASE("a value that cannot be encoded reaches nobody, and its publisher "
          "is told") {
  world w;
  one_runner runner{w, 1};
  caf::scoped_actor self{w.system};
  runner.bus.subscribe(self, "news");
  CHECK(failure_of([&] {
          runner.bus.publish("news", stubborn{});
        }).code()
        == errc::bad_payload);
  CHECK_FALSE(self->has_next_message());
}

TEST_CASE("an actor that has ended is subscribed to nothing") {
  world w;
  auto who = w.system.spawn(idler);
  w.bus.subscribe(who, "news");
  w.bus.subscribe(who, "weather");
  CHECK(w.bus.subscribers("news") == 1);
  end(w.system, who);
  CHECK(has_no_topics(w.parent));
  w.bus.subscribe(who, "news");
  CHECK(w.parent.broker->topics() == 0);
}

TEST_CASE("an actor lives while it is subscribed") {
  world w;
  auto address = [&] {
    auto who = w.system.spawn(idler);
    w.bus.subscribe(who, "news");
    return who.address();
  }();
  auto is_alive = [&] {
    return caf::actor_cast<caf::strong_actor_ptr>(address) != nullptr;
  };
  CHECK(is_alive());
  SUBCASE("until it unsubscribes") {
    w.bus.unsubscribe(caf::actor_cast<caf::actor>(address), "news");
  }
  SUBCASE("until its node ends") {
    w.parent.broker->close();
    w.bus.publish("news", 1);
    CHECK(w.parent.broker->topics() == 0);
  }
  w.system.await_all_actors_done();
  CHECK_FALSE(is_alive());
}

TEST_CASE("subscribers that come and go leave the others as they are") {
  world w;
  std::mt19937 random{7};
  auto pick = [&](std::size_t count) {
    return std::uniform_int_distribution<std::size_t>{0, count - 1}(random);
  };
  std::vector<std::unique_ptr<caf::scoped_actor>> all;
  std::vector<std::string> names{"a", "b", "c"};
  std::map<std::string, std::set<caf::scoped_actor*>> expected;
  for (auto i = 0; i < 8; ++i)
    all.push_back(std::make_unique<caf::scoped_actor>(w.system));
  for (auto step = 0; step < 500; ++step) {
    auto& who = all[pick(all.size())];
    auto& topic = names[pick(names.size())];
    switch (pick(5)) {
      case 0:
        for (auto& [name, members] : expected)
          members.erase(who.get());
        who = std::make_unique<caf::scoped_actor>(w.system);
        break;
      case 1:
      case 2:
        w.bus.unsubscribe(*who, topic);
        expected[topic].erase(who.get());
        break;
      default:
        w.bus.subscribe(*who, topic);
        expected[topic].insert(who.get());
    }
    auto& to = names[pick(names.size())];
    w.bus.publish(to, step);
    REQUIRE(w.bus.subscribers(to) == expected[to].size());
    for (auto& each : all)
      REQUIRE(next(*each, to).has_value() == expected[to].contains(each.get()));
  }
  all.clear();
  CHECK(w.parent.broker->topics() == 0);
}

TEST_CASE("publications of one publisher arrive in its order") {
  constexpr auto publishers = 3;
  constexpr auto count = 300;
  world w;
  caf::scoped_actor self{w.system};
  w.bus.subscribe(self, "news");
  std::vector<std::thread> threads;
  for (auto i = 0; i < publishers; ++i)
    threads.emplace_back([&w, i] {
      for (auto j = 0; j < count; ++j)
        w.bus.publish("news", i, j);
    });
  std::map<int, int> last;
  for (auto i = 0; i < publishers * count; ++i)
    self->receive(
      [&](caf::publish_atom, const std::string&, int who, int what) {
        CHECK(what == last[who]++);
      });
  for (auto& each : threads)
    each.join();
}

TEST_CASE("subscribers that end while others publish are no harm") {
  world w;
  std::atomic<bool> ends = false;
  std::vector<std::thread> publishers;
  for (auto i = 0; i < 2; ++i)
    publishers.emplace_back([&] {
      while (!ends)
        w.bus.publish("news", end_atom::value);
    });
  std::vector<std::thread> subscribers;
  for (auto i = 0; i < 2; ++i)
    subscribers.emplace_back([&] {
      for (auto j = 0; j < 200; ++j) {
        auto who = w.system.spawn([](caf::event_based_actor* self) {
          return caf::behavior{
            [self](caf::publish_atom, const std::string&, end_atom) {
              self->quit();
            }};
        });
        w.bus.subscribe(who, "news");
        if (j % 3 == 0)
          w.bus.unsubscribe(who, "news");
      }
    });
  for (auto& each : subscribers)
    each.join();
  w.system.await_all_actors_done();
  ends = true;
  for (auto& each : publishers)
    each.join();
  CHECK(has_no_topics(w.parent));
}

// -- parent and runners -------------------------------------------------------

TEST_CASE("what is published anywhere reaches parent and runners") {
  world w;
  one_runner first{w, 1};
  one_runner second{w, 2};
  caf::scoped_actor here{w.system};
  caf::scoped_actor on_first{w.system};
  caf::scoped_actor on_second{w.system};
  w.bus.subscribe(here, "news");
  first.bus.subscribe(on_first, "news");
  second.bus.subscribe(on_second, "news");
  auto publisher = 0;
  for (auto* each : {&w.bus, &first.bus, &second.bus}) {
    CAPTURE(publisher);
    each->publish("news", publisher);
    for (auto* self : {&here, &on_first, &on_second}) {
      CHECK(next(*self) == publisher);
      CHECK_FALSE(next(*self));
    }
    ++publisher;
  }
}

TEST_CASE("a publication crosses a connection once for all subscribers") {
  world w;
  one_runner runner{w, 1};
  std::vector<std::unique_ptr<caf::scoped_actor>> all;
  for (auto i = 0; i < 5; ++i) {
    all.push_back(std::make_unique<caf::scoped_actor>(w.system));
    runner.bus.subscribe(*all.back(), "news");
  }
  CHECK(w.bus.subscribers("news") == 1);
  w.bus.publish("news", 1);
  for (auto& each : all)
    CHECK(next(*each) == 1);
  CHECK(runner.received == 1);
  // There and not back.
  runner.bus.publish("news", 2);
  for (auto& each : all)
    CHECK(next(*each) == 2);
  CHECK(runner.sent == 1);
  CHECK(runner.received == 1);
}

TEST_CASE("a runner gets what it has subscribers for") {
  world w;
  one_runner runner{w, 1};
  one_runner other{w, 2};
  caf::scoped_actor one{w.system};
  caf::scoped_actor two{w.system};
  runner.bus.subscribe(one, "news");
  runner.bus.subscribe(two, "news");
  w.bus.publish("weather", 0);
  other.bus.publish("weather", 0);
  CHECK(runner.received == 0);
  runner.bus.unsubscribe(one, "news");
  w.bus.publish("news", 1);
  CHECK(runner.received == 1);
  runner.bus.unsubscribe(two, "news");
  CHECK(w.parent.broker->topics() == 0);
  w.bus.publish("news", 2);
  CHECK(runner.received == 1);
  CHECK(other.received == 0);
  runner.bus.subscribe(one, "news");
  CHECK(w.bus.subscribers("news") == 1);
}

TEST_CASE("a runner that is lost leaves nothing") {
  world w;
  caf::scoped_actor here{w.system};
  w.bus.subscribe(here, "news");
  one_runner other{w, 2};
  caf::scoped_actor on_other{w.system};
  other.bus.subscribe(on_other, "news");
  {
    one_runner runner{w, 1};
    caf::scoped_actor self{w.system};
    runner.bus.subscribe(self, "news");
    runner.bus.subscribe(self, "weather");
    CHECK(w.bus.subscribers("news") == 3);
    CHECK(w.bus.subscribers("weather") == 1);
    runner.lose();
    CHECK(w.bus.subscribers("news") == 2);
    CHECK(w.bus.subscribers("weather") == 0);
  }
  w.bus.publish("news", 1);
  CHECK(next(here) == 1);
  CHECK(next(on_other) == 1);
}

TEST_CASE("a publication that cannot be read is lost alone") {
  world w;
  caf::scoped_actor self{w.system};
  w.bus.subscribe(self, "news");
  one_runner runner{w, 1};
  caf::anon_send(w.parent.broker->address(), caf::publish_atom::value,
                 std::uint64_t{1}, std::string{"news"},
                 std::vector<char>(3, 'x'));
  runner.bus.publish("news", 1);
  CHECK(next(self) == 1);
  CHECK_FALSE(next(self));
}

TEST_CASE("nobody can end a broker but its node") {
  world w;
  one_runner runner{w, 1};
  caf::scoped_actor self{w.system};
  w.bus.subscribe(self, "news");
  for (auto* broker : {&w.parent.broker, &runner.broker})
    for (auto reason :
         {caf::exit_reason::kill, caf::exit_reason::user_shutdown})
      caf::anon_send_exit((*broker)->address(), reason);
  runner.bus.publish("news", 1);
  CHECK(next(self) == 1);
  CHECK(w.system.registry().get(w.parent.broker->address().id()));
  w.parent.broker->close();
  CHECK_FALSE(w.system.registry().get(w.parent.broker->address().id()));
}

TEST_CASE("once its node has ended, nothing happens") {
  std::optional<pubsub> bus;
  tests::threaded_scheduling config;
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  {
    one_node node{system};
    bus = node.bus;
    bus->subscribe(self, "news");
  }
  bus->publish("news", 1);
  bus->subscribe(self, "news");
  bus->unsubscribe(self, "news");
  CHECK(bus->subscribers("news") == 0);
  CHECK_FALSE(self->has_next_message());
}

TEST_CASE("a publication for other nodes has an upper limit") {
  world w;
  caf::scoped_actor self{w.system};
  w.bus.subscribe(self, "news");
  one_runner runner{w, 1};
  std::string text(std::size_t{65} << 20, 'x');
  auto error = failure_of([&] {
    runner.bus.publish("news", text);
  });
  CHECK(error.code() == errc::message_too_large);
  CHECK_FALSE(self->has_next_message());
}

} // namespace
