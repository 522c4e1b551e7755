#include <future>
#include <string>

#include "support/test_main.hpp"

using namespace std::chrono_literals;
using namespace tests;

namespace {

using get_atom = caf::atom_constant<caf::atom("get")>;

int plus_one(int x) {
  return x + 1;
}

int fails(int) {
  throw std::runtime_error("broken");
}

/// What `said` gets, which must be within a generous bound.
template <class T>
T value_of(std::promise<T>& said) {
  auto result = said.get_future();
  REQUIRE(result.wait_for(30s) == std::future_status::ready);
  return result.get();
}

// -- a statically typed actor that makes calls --------------------------------

using adder = caf::typed_actor<caf::replies_to<int>::with<int>,
                               caf::replies_to<get_atom>::with<std::string>>;

struct adder_state {
  std::string log;
};

/// Answers with what a call gives, and keeps the order of what it did.
adder::behavior_type calling_adder(adder::stateful_pointer<adder_state> self,
                                   flame::pool pool, bool awaits) {
  return {
    [=](int x) -> caf::result<int> {
      auto promise = self->make_response_promise<int>();
      auto on_value = [=](int value) mutable {
        self->state.log += "result ";
        promise.deliver(value);
      };
      auto on_error = [=](caf::error& error) mutable {
        self->state.log += "error ";
        promise.deliver(std::move(error));
      };
      auto call = flame::call(self, pool, x < 0 ? &fails : &plus_one, x);
      if (awaits)
        std::move(call).await(on_value, on_error);
      else
        std::move(call).then(on_value, on_error);
      return promise;
    },
    [=](get_atom) {
      return self->state.log + "asked";
    },
  };
}

} // namespace

TEST_CASE("a statically typed actor calls, and goes on meanwhile") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    auto caller = node().system().spawn(calling_adder, pool, false);
    caf::scoped_actor self{node().system()};
    self->request(caller, 30s, 41)
      .receive(
        [](int value) {
          CHECK(value == 42);
        },
        [](const caf::error& error) {
          FAIL(flame::describe(error));
        });
    self->request(caller, 30s, -1)
      .receive(
        [](int) {
          FAIL("the failure did not arrive");
        },
        [](const caf::error& error) {
          CHECK(flame::describe(error) == "remote_exception: broken");
        });
    self->send_exit(caller, caf::exit_reason::user_shutdown);
  });
}

TEST_CASE("a statically typed actor that awaits handles nothing else before") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    auto caller = node().system().spawn(calling_adder, pool, true);
    caf::scoped_actor self{node().system()};
    auto sum = self->request(caller, 30s, 1);
    self->request(caller, 30s, get_atom::value)
      .receive(
        [](const std::string& log) {
          CHECK(log == "result asked");
        },
        [](const caf::error& error) {
          FAIL(flame::describe(error));
        });
    sum.receive(
      [](int value) {
        CHECK(value == 2);
      },
      [](const caf::error& error) {
        FAIL(flame::describe(error));
      });
    self->send_exit(caller, caf::exit_reason::user_shutdown);
  });
}

TEST_CASE("a statically typed actor that ends takes its call along") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    auto caller =
      node().system().spawn([=](adder::pointer self) -> adder::behavior_type {
        flame::call(self, pool, [](std::stop_token stop) {
          while (!stop.stop_requested())
            std::this_thread::sleep_for(1ms);
        }).then([] {}, [](const flame::call_error&) {});
        return {
          [](int x) {
            return x;
          },
          [](get_atom) {
            return std::string{};
          },
        };
      });
    CHECK(eventually([&] {
      return pool.stats().in_use == 1;
    }));
    caf::anon_send_exit(caller, caf::exit_reason::user_shutdown);
    CHECK(eventually([&] {
      return pool.stats().in_use == 0;
    }));
  });
}

TEST_CASE("a blocking call in a statically typed actor is refused") {
  auto pool = new_pool("local");
  std::promise<flame::errc> said;
  node().system().spawn([&](adder::pointer) -> adder::behavior_type {
    said.set_value(failure_of([&] {
                     flame::call(pool, plus_one, 1);
                   }).code());
    return {
      [](int x) {
        return x;
      },
      [](get_atom) {
        return std::string{};
      },
    };
  });
  CHECK(value_of(said) == flame::errc::on_scheduler_thread);
}

TEST_CASE("a blocking actor calls and waits, whoever has spawned it") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    for (bool by_actor : {false, true}) {
      CAPTURE(by_actor);
      std::promise<std::string> said;
      auto body = [&said, pool](caf::blocking_actor*) {
        auto good = flame::call(pool, plus_one, 41);
        auto bad = flame::try_call(pool, fails, 1);
        said.set_value(std::to_string(good) + " "
                       + flame::describe(bad.error()));
      };
      if (by_actor)
        node().system().spawn([body](caf::event_based_actor* self) {
          self->spawn(body);
        });
      else
        node().system().spawn(body);
      CHECK(value_of(said) == "42 remote_exception: broken");
    }
  });
}

TEST_CASE("a blocking actor that handles messages may call in a handler") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    auto server = node().system().spawn([pool](caf::blocking_actor* self) {
      bool running = true;
      self->receive_while(running)([&](int x) {
        running = false;
        return flame::call(pool, plus_one, x);
      });
    });
    caf::scoped_actor self{node().system()};
    self->request(server, 30s, 41)
      .receive(
        [](int value) {
          CHECK(value == 42);
        },
        [](const caf::error& error) {
          FAIL(flame::describe(error));
        });
  });
}

TEST_CASE("beside a scoped actor, a call blocks its thread and no other") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    caf::scoped_actor self{node().system()};
    // Also between a message and the handling of it.
    self->send(self, 41);
    auto first = flame::call(pool, plus_one, 1);
    CHECK(first == 2);
    int second = 0;
    self->receive([&](int x) {
      second = flame::call(pool, plus_one, x);
    });
    CHECK(second == 42);
  });
}

TEST_CASE("a scoped actor inside an event-based one does not allow to block") {
  auto pool = new_pool("local");
  std::promise<flame::errc> said;
  node().system().spawn([&](caf::event_based_actor* parent) {
    caf::scoped_actor self{parent->system()};
    said.set_value(failure_of([&] {
                     flame::call(pool, plus_one, 1);
                   }).code());
  });
  CHECK(value_of(said) == flame::errc::on_scheduler_thread);
}
