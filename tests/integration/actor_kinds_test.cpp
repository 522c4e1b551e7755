#include <future>
#include <memory>
#include <optional>
#include <string>

#include <unistd.h>

#include "support/test_main.hpp"

using namespace std::chrono_literals;
using namespace tests;

namespace {

using get_atom = caf::atom_constant<caf::atom("get")>;
using pid_atom = caf::atom_constant<caf::atom("pid")>;
using end_atom = caf::atom_constant<caf::atom("end")>;

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

// -- statically typed children ------------------------------------------------

namespace {

/// What a counter understands, wherever it lives.
using counter =
  caf::typed_actor<caf::replies_to<get_atom>::with<int>, caf::reacts_to<int>,
                   caf::replies_to<pid_atom>::with<int>,
                   caf::reacts_to<end_atom>>;

counter::behavior_type counting(counter::pointer self, int start) {
  auto value = std::make_shared<int>(start);
  return {
    [=](get_atom) {
      return *value;
    },
    [=](int much) {
      *value += much;
    },
    [](pid_atom) {
      return static_cast<int>(::getpid());
    },
    [=](end_atom) {
      self->quit();
    },
  };
}

struct counter_state {
  int value = 0;
  static inline const char* name = "stateful counter";
};

counter::behavior_type stateful_counting(
  counter::stateful_pointer<counter_state> self, int start) {
  self->state.value = start;
  return {
    [=](get_atom) {
      return self->state.value;
    },
    [=](int much) {
      self->state.value += much;
    },
    [](pid_atom) {
      return static_cast<int>(::getpid());
    },
    [=](end_atom) {
      self->quit();
    },
  };
}

counter::behavior_type never_counts(counter::pointer, const std::string& why) {
  throw std::runtime_error(why);
}

class counter_class : public counter::base {
public:
  counter_class(caf::actor_config& cfg, int start)
    : counter::base(cfg),
      value_(start) {
    // nop
  }

  behavior_type make_behavior() override {
    if (value_ < 0)
      throw std::invalid_argument("a counter starts at zero or above");
    return {
      [this](get_atom) {
        return value_;
      },
      [this](int much) {
        value_ += much;
      },
      [](pid_atom) {
        return static_cast<int>(::getpid());
      },
      [this](end_atom) {
        quit();
      },
    };
  }

private:
  int value_;
};

struct placed_counter {
  counter child;
  std::optional<flame::call_error> error;
};

/// Places a counter that outlives the actor which places it.
/// @param prepare makes the placement: `prepare(self, pool, options)`
template <class Prepare>
placed_counter place(const flame::pool& pool, Prepare prepare) {
  std::promise<placed_counter> said;
  node().system().spawn([&](caf::event_based_actor* self) {
    prepare(self, pool, flame::call_options{.link = false})
      .then(
        [&](const counter& child) {
          said.set_value({child, std::nullopt});
        },
        [&](const flame::call_error& error) {
          said.set_value({counter{}, error});
        });
  });
  return value_of(said);
}

template <class Question>
int ask(const counter& whom, Question question) {
  caf::scoped_actor self{node().system()};
  int result = -1;
  self->request(whom, 30s, question)
    .receive(
      [&](int value) {
        result = value;
      },
      [](const caf::error& why) {
        FAIL("no answer: " << flame::describe(why));
      });
  return result;
}

/// The counter is where it should be, counts, and frees its slot.
void check_counter(const flame::pool& pool, const placed_counter& placed) {
  if (placed.error)
    FAIL(placed.error->what());
  auto& child = placed.child;
  REQUIRE(child);
  caf::anon_send(child, 2);
  CHECK(ask(child, get_atom::value) == 42);
  auto is_here = ask(child, pid_atom::value) == ::getpid();
  CHECK(is_here == (pool.options().backend.name == "local"));
  CHECK(pool.stats().in_use == 1);
  caf::anon_send(child, end_atom::value);
  CHECK(eventually([&] {
    return pool.stats().in_use == 0;
  }));
}

} // namespace

TEST_CASE("a statically typed child is placed, and so is its handle") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    check_counter(pool, place(pool, [](auto* self, auto& where, auto options) {
                    return flame::place_child(self, where, options, counting,
                                              40);
                  }));
  });
}

TEST_CASE("a statically typed child may have a state") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    check_counter(pool, place(pool, [](auto* self, auto& where, auto options) {
                    return flame::place_child(self, where, options,
                                              stateful_counting, 40);
                  }));
  });
}

TEST_CASE("a statically typed child may be of an actor class") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    check_counter(pool, place(pool, [](auto* self, auto& where, auto options) {
                    return flame::place_child<counter_class>(self, where,
                                                             options, 40);
                  }));
  });
}

TEST_CASE("a statically typed child that cannot start is its caller's error") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    auto by_function = place(pool, [](auto* self, auto& where, auto options) {
      return flame::place_child(self, where, options, never_counts,
                                std::string{"no ink"});
    });
    REQUIRE(by_function.error);
    CHECK(by_function.error->code() == flame::errc::child_failed);
    CHECK(std::string{by_function.error->what()}.find("no ink")
          != std::string::npos);
    auto by_class = place(pool, [](auto* self, auto& where, auto options) {
      return flame::place_child<counter_class>(self, where, options, -1);
    });
    REQUIRE(by_class.error);
    CHECK(std::string{by_class.error->what()}.find("zero or above")
          != std::string::npos);
    CHECK(eventually([&] {
      return pool.stats().in_use == 0;
    }));
  });
}

TEST_CASE("a statically typed child ends with the typed actor that placed it") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    std::promise<int> said;
    auto caller =
      node().system().spawn([&](adder::pointer self) -> adder::behavior_type {
        flame::place_child(self, pool, counting, 40)
          .await(
            [&, self](const counter& child) {
              self->request(child, 30s, get_atom::value).then([&](int value) {
                said.set_value(value);
              });
            },
            [&](const flame::call_error&) {
              said.set_value(-1);
            });
        return {
          [](int x) {
            return x;
          },
          [](get_atom) {
            return std::string{};
          },
        };
      });
    CHECK(value_of(said) == 40);
    CHECK(pool.stats().in_use == 1);
    caf::anon_send_exit(caller, caf::exit_reason::user_shutdown);
    CHECK(eventually([&] {
      return pool.stats().in_use == 0;
    }));
  });
}
