#include "support/supervisor_world.hpp"

namespace {

using namespace tests;
using flame::when_absent;

/// Asks through a reference, and says what has come.
class asker {
public:
  asker(world& w, const caf::actor& whom)
    : self_(w.system),
      response_(self_->request(whom, caf::infinite, get_atom::value)) {
    w.run();
  }

  /// The number of the incarnation that answered; negative: an error.
  int answer() {
    REQUIRE(self_->has_next_message());
    int result = -1;
    response_.receive(
      [&](int number) {
        result = number;
      },
      [&](caf::error& why) {
        error = std::move(why);
      });
    return result;
  }

  bool waits() {
    return !self_->has_next_message();
  }

  caf::error error;

private:
  caf::scoped_actor self_;
  decltype(std::declval<caf::scoped_actor&>()->request(
    std::declval<const caf::actor&>(), caf::infinite,
    get_atom::value)) response_;
};

/// One child whose restarts take a second.
supervisor_options slowly(world& w) {
  return {.strategy = strategy::one_for_one,
          .intensity = 100,
          .min_backoff = 1s,
          .jitter = 0,
          .backoff_reset = 0s,
          .children = w.specs({"a"})};
}

TEST_CASE("a reference names a child, whichever incarnation") {
  world w;
  w.begin(slowly(w));
  auto a = w.top.child("a");
  CHECK(a.id() == "a");
  CHECK(a.now() == w.handle("a"));
  CHECK(asker{w, a.handle()}.answer() == 1);
  w.end("a");
  CHECK_FALSE(a.now());
  w.pass(1s);
  CHECK(a.now() == w.handle("a"));
  CHECK(asker{w, a.handle()}.answer() == 2);
}

TEST_CASE("messages wait for the next incarnation, in their order") {
  world w;
  w.begin(slowly(w));
  auto a = w.top.child("a");
  w.end("a");
  std::vector<std::unique_ptr<asker>> askers;
  for (int i = 0; i < 3; ++i) {
    askers.push_back(std::make_unique<asker>(w, a.handle()));
    CHECK(askers.back()->waits());
  }
  // It ends the incarnation that has answered the three before it.
  caf::anon_send(a.handle(), end_atom::value, other_reason());
  asker late{w, a.handle()};
  w.pass(1s);
  for (auto& each : askers)
    CHECK(each->answer() == 2);
  // That was in the mailbox of one that has ended.
  CHECK(late.answer() == -1);
  CHECK(late.error == caf::sec::request_receiver_down);
  asker next{w, a.handle()};
  CHECK(next.waits());
  w.pass(1s);
  CHECK(next.answer() == 3);
}

TEST_CASE(
  "a reference that is made before the child has started waits for it") {
  world w;
  w.log.failures["a"] = 0;
  supervisor_options options = slowly(w);
  options.log = "off";
  w.top =
    flame::detail::spawn_supervisor_actor(w.system, options, nullptr, nullptr);
  auto a = w.top.child("a");
  CHECK_FALSE(a.now());
  caf::scoped_actor self{w.system};
  auto response = self->request(a.handle(), caf::infinite, get_atom::value);
  w.run();
  REQUIRE(self->has_next_message());
  response.receive(
    [](int number) {
      CHECK(number == 1);
    },
    [](const caf::error& why) {
      FAIL(flame::describe(why));
    });
}

TEST_CASE("a child has ended: a message waits, before its supervisor knows") {
  world w;
  w.begin({.children = w.specs({"a"})});
  auto a = w.top.child("a");
  caf::anon_send_exit(a.now(), caf::exit_reason::kill);
  // The child, and not its supervisor.
  w.scheduler.run_once();
  CHECK(w.log.news() == "+a -a");
  CHECK_FALSE(a.now());
  CHECK(asker{w, a.handle()}.answer() == 2);
}

TEST_CASE("so many messages wait as may, and one more fails") {
  world w;
  w.begin(slowly(w));
  auto a = w.top.child("a", {.max_queue = 2});
  w.end("a");
  asker first{w, a.handle()};
  asker second{w, a.handle()};
  asker third{w, a.handle()};
  CHECK(first.waits());
  CHECK(second.waits());
  CHECK(third.answer() == -1);
  CHECK(third.error == errc::queue_full);
  w.pass(1s);
  CHECK(first.answer() == 2);
  CHECK(second.answer() == 2);
}

TEST_CASE("where it is asked to, a message fails instead of waiting") {
  world w;
  w.begin(slowly(w));
  auto a = w.top.child("a", {.absent = when_absent::fail});
  CHECK(asker{w, a.handle()}.answer() == 1);
  w.end("a");
  asker now{w, a.handle()};
  CHECK(now.answer() == -1);
  CHECK(now.error == errc::child_restarting);
  w.pass(1s);
  CHECK(asker{w, a.handle()}.answer() == 2);
}

TEST_CASE("messages that wait fail when the child will not be started") {
  world w;
  w.begin(slowly(w));
  auto a = w.top.child("a");
  w.end("a");
  asker waiting{w, a.handle()};
  REQUIRE(waiting.waits());
  errc expected{};
  SUBCASE("it is stopped by request") {
    REQUIRE(w.terminate("a"));
    expected = errc::child_not_found;
  }
  SUBCASE("the supervisor ends") {
    w.shut_down();
    expected = errc::supervisor_ended;
  }
  SUBCASE("the supervisor is killed") {
    caf::anon_send_exit(w.top.handle(), caf::exit_reason::kill);
    w.run();
    expected = errc::supervisor_ended;
  }
  CHECK(waiting.answer() == -1);
  CHECK(waiting.error == expected);
  asker next{w, a.handle()};
  CHECK(next.answer() == -1);
  CHECK(next.error == expected);
}

TEST_CASE("a child that is stopped, deleted or unknown may be there again") {
  world w;
  w.begin(slowly(w));
  auto a = w.top.child("a");
  auto b = w.top.child("b");
  auto fails = [&](const flame::child_ref& which) {
    asker one{w, which.handle()};
    return one.answer() == -1 && one.error == errc::child_not_found
           && !which.now();
  };
  CHECK(fails(b));
  REQUIRE(w.start(w.spec("b")));
  CHECK(asker{w, b.handle()}.answer() == 1);
  REQUIRE(w.terminate("a"));
  CHECK(fails(a));
  REQUIRE(w.remove("a"));
  CHECK(fails(a));
  REQUIRE(w.start(w.spec("a")));
  CHECK(asker{w, a.handle()}.answer() == 2);
}

TEST_CASE("a child that is being stopped gets no more messages") {
  world w;
  w.begin(slowly(w));
  auto a = w.top.child("a");
  caf::anon_send(a.handle(), trap_atom::value, std::optional<caf::error>{});
  w.run();
  caf::anon_send(w.top.handle(), flame::terminate_child{"a"});
  w.run();
  CHECK(w.states() == "a stopping");
  asker one{w, a.handle()};
  CHECK(one.answer() == -1);
  CHECK(one.error == errc::child_not_found);
}

TEST_CASE("dynamic children have names for references, too") {
  world w;
  w.begin({.strategy = strategy::dynamic, .children = w.specs({"a"})});
  auto child = w.start_one();
  REQUIRE(child);
  auto a = w.top.child(child->id);
  CHECK(a.now() == child->handle);
  w.end(child->handle, other_reason());
  CHECK(asker{w, a.handle()}.answer() == 2);
}

TEST_CASE("messages that wait do so without anybody's reference") {
  world w;
  w.begin(slowly(w));
  w.end("a");
  asker waiting{w, w.top.child("a").handle()};
  w.pass(1s);
  CHECK(waiting.answer() == 2);
}

TEST_CASE(
  "whoever monitors a reference is told of the supervisor's end alone") {
  world w;
  w.begin(slowly(w));
  int downs = 0;
  auto a = w.top.child("a");
  auto watcher =
    w.system.spawn([&](caf::event_based_actor* self) -> caf::behavior {
      self->set_down_handler([&](const caf::down_msg&) {
        ++downs;
      });
      self->monitor(a.handle());
      return {[](get_atom) {}};
    });
  w.kept.push_back(watcher);
  w.run();
  w.end("a");
  w.pass(1s);
  CHECK(downs == 0);
  w.shut_down();
  CHECK(downs == 1);
}

TEST_CASE("an exit message to a reference is for the child") {
  world w;
  w.begin(slowly(w));
  auto a = w.top.child("a");
  caf::anon_send_exit(a.handle(), caf::exit_reason::kill);
  w.run();
  CHECK(w.states() == "a restarting");
  w.pass(1s);
  CHECK(asker{w, a.handle()}.answer() == 2);
}

TEST_CASE("an empty reference has no incarnation") {
  flame::child_ref none;
  CHECK_FALSE(none);
  CHECK_FALSE(none.now());
  CHECK_FALSE(flame::supervisor{}.child("a"));
}

} // namespace
