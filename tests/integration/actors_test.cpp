#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include <signal.h>
#include <unistd.h>

#include <caf/io/all.hpp>

#include "support/actors.hpp"
#include "support/test_main.hpp"

using namespace std::chrono_literals;
using namespace tests;

namespace {

using get_atom = caf::atom_constant<caf::atom("get")>;
using add_atom = caf::atom_constant<caf::atom("add")>;
using pid_atom = caf::atom_constant<caf::atom("pid")>;
using crash_atom = caf::atom_constant<caf::atom("crash")>;
using meet_atom = caf::atom_constant<caf::atom("meet")>;

caf::behavior counter(caf::event_based_actor* self, int start) {
  auto value = std::make_shared<int>(start);
  return {
    [=](add_atom, int much) {
      *value += much;
    },
    [=](get_atom) {
      return *value;
    },
    [=](pid_atom) {
      return static_cast<int>(::getpid());
    },
    [=](crash_atom) -> caf::result<void> {
      throw std::runtime_error("the counter is broken");
    },
    [=](end_atom) {
      self->quit();
    },
    [=](meet_atom, const caf::actor& other) {
      return self->delegate(other, get_atom::value);
    },
  };
}

class doubler : public caf::event_based_actor {
public:
  doubler(caf::actor_config& cfg, std::string name)
    : event_based_actor(cfg),
      name_(std::move(name)) {
    // nop
  }

  caf::behavior make_behavior() override {
    if (name_.empty())
      throw std::invalid_argument("a doubler needs a name");
    return {[this](int x) {
      return name_ + std::to_string(2 * x);
    }};
  }

private:
  std::string name_;
};

caf::behavior never_starts(caf::event_based_actor*, const std::string& why) {
  throw std::runtime_error(why);
}

caf::behavior ends_at_once(caf::event_based_actor*) {
  return {};
}

/// Takes its time to be constructed, until the file is there.
class slow_starter : public caf::event_based_actor {
public:
  slow_starter(caf::actor_config& cfg, const std::string& file)
    : event_based_actor(cfg) {
    while (!std::filesystem::exists(file))
      std::this_thread::sleep_for(1ms);
  }

  caf::behavior make_behavior() override {
    return {[](get_atom) {
      return 1;
    }};
  }
};

/// The reason with which an actor ended that placed a child and lets it be. It
/// is ended once it knows of the child and the child has ended: a link that
/// ends it has done so by then.
template <class... Args>
caf::error end_of_caller(const flame::pool& pool, Args... args) {
  std::promise<caf::error> reason;
  auto is_told = std::make_shared<std::promise<void>>();
  auto told = is_told->get_future();
  auto caller =
    node().system().spawn([=](caf::event_based_actor* self) -> caf::behavior {
      flame::place_child(self, pool, args...)
        .then(
          [=](const caf::actor&) {
            is_told->set_value();
          },
          [=](const flame::call_error&) {
            is_told->set_value();
          });
      return {[=](end_atom) {
        self->quit();
      }};
    });
  caller->attach_functor([&](const caf::error& why) {
    reason.set_value(why);
  });
  auto result = reason.get_future();
  REQUIRE(told.wait_for(30s) == std::future_status::ready);
  REQUIRE(eventually([&] {
    return pool.stats().in_use == 0;
  }));
  caf::anon_send(caller, end_atom::value);
  REQUIRE(result.wait_for(30s) == std::future_status::ready);
  return result.get();
}

caf::behavior ends_with(caf::event_based_actor* self, int status) {
  self->quit(caf::error{static_cast<std::uint8_t>(status), caf::atom("tests")});
  return {[](get_atom) {
    return 0;
  }};
}

/// Counts the exit messages that it gets, and lives on.
caf::behavior survivor(caf::event_based_actor* self) {
  auto exits = std::make_shared<int>(0);
  self->set_exit_handler([=](const caf::exit_msg&) {
    ++*exits;
  });
  return {
    [=](get_atom) {
      return *exits;
    },
    [=](end_atom) {
      self->quit();
    },
  };
}

struct placed {
  caf::actor child;
  std::optional<flame::call_error> error;
};

/// Places a child that outlives the actor which places it.
template <class F, class... Args>
placed place(const flame::pool& pool, flame::call_options options, F f,
             Args... args) {
  return in_actor<placed>([=](caf::event_based_actor* self, auto done) {
    flame::place_child(self, pool, options, f, args...)
      .then(
        [=](const caf::actor& child) {
          done({child, std::nullopt});
        },
        [=](const flame::call_error& error) {
          done({nullptr, error});
        });
  });
}

/// A file that is there once it has been raised, on whatever node.
class flag {
public:
  explicit flag(const std::string& name)
    : path_((std::filesystem::temp_directory_path()
             / ("flame-flag-" + std::to_string(::getpid()) + "-" + name))
              .string()) {
    std::filesystem::remove(path_);
  }

  ~flag() {
    std::filesystem::remove(path_);
  }

  flag(const flag&) = delete;
  flag& operator=(const flag&) = delete;

  const std::string& path() const noexcept {
    return path_;
  }

  bool is_up() const {
    return std::filesystem::exists(path_);
  }

  void raise() const {
    std::ofstream{path_} << '\n';
  }

private:
  std::string path_;
};

/// Ends when `go` is there, and leaves `done` behind; at a stop, without that.
void works_until(std::stop_token stop, const std::string& go,
                 const std::string& done) {
  while (!stop.stop_requested()) {
    if (std::filesystem::exists(go)) {
      std::ofstream{done} << '\n';
      return;
    }
    std::this_thread::sleep_for(1ms);
  }
}

void until_stopped(std::stop_token stop) {
  while (!stop.stop_requested())
    std::this_thread::sleep_for(1ms);
}

void fails() {
  throw std::runtime_error("no ink");
}

/// An actor that makes one cast and lives until it is told to end.
template <class F, class... Args>
caf::actor spawn_caster(const flame::pool& pool, flame::call_options options,
                        F f, Args... args) {
  return node().system().spawn(
    [=](caf::event_based_actor* self) -> caf::behavior {
      flame::cast(self, pool, options, f, args...);
      return {[=](end_atom) {
        self->quit();
      }};
    });
}

void end_and_await(const caf::actor& whom) {
  caf::scoped_actor self{node().system()};
  self->send(whom, end_atom::value);
  self->wait_for(whom);
}

void end_and_wait(const flame::pool& pool, const caf::actor& child) {
  caf::anon_send(child, end_atom::value);
  CHECK(eventually([&] {
    return pool.stats().in_use == 0;
  }));
}

} // namespace

void tests::configure(flame::node_options&) {
  // nop
}

TEST_CASE("an actor calls without blocking") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    auto result = in_actor<int>([=](caf::event_based_actor* self, auto done) {
      flame::call(
        self, pool,
        [](int x) {
          return x + 1;
        },
        41)
        .then(
          [=](int value) {
            done(value);
          },
          [=](const flame::call_error&) {
            done(-1);
          });
    });
    CHECK(result == 42);
  });
}

TEST_CASE("an actor gets the failure of its call and lives on") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    auto text =
      in_actor<std::string>([=](caf::event_based_actor* self, auto done) {
        flame::call(self, pool,
                    [] {
                      throw std::runtime_error("broken");
                    })
          .then(
            [=] {
              done("no error");
            },
            [=](caf::error& error) {
              flame::call(self, pool,
                          [] {
                            return 1;
                          })
                .then(
                  [=, first = flame::describe(error)](int) {
                    done(first);
                  },
                  [=](const flame::call_error&) {
                    done("second");
                  });
            });
      });
    CHECK(text == "remote_exception: broken");
  });
}

TEST_CASE("an actor that awaits handles nothing else before the result") {
  auto pool = new_pool("process");
  std::promise<std::string> order;
  node().system().spawn([&](caf::event_based_actor* self) -> caf::behavior {
    auto log = std::make_shared<std::string>();
    self->send(self, get_atom::value);
    flame::call(self, pool,
                [] {
                  return 1;
                })
      .await(
        [=](int) {
          *log += "result ";
        },
        [=](const flame::call_error& e) {
          *log += e.what();
        });
    return {[=, &order](get_atom) {
      order.set_value(*log + "message");
      self->quit();
    }};
  });
  auto outcome = order.get_future();
  REQUIRE(outcome.wait_for(30s) == std::future_status::ready);
  CHECK(outcome.get() == "result message");
}

TEST_CASE("one actor has thousands of calls under way") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1, .max_concurrency = 4});
    constexpr int count = 5000;
    auto sum = in_actor<long>([=](caf::event_based_actor* self, auto done) {
      auto state = std::make_shared<std::pair<int, long>>(0, 0);
      for (int i = 0; i < count; ++i)
        flame::call(
          self, pool,
          [](int x) {
            return x;
          },
          i)
          .then(
            [=](int value) {
              state->second += value;
              if (++state->first == count)
                done(state->second);
            },
            [=](const flame::call_error&) {
              done(-1);
            });
    });
    CHECK(sum == long{count} * (count - 1) / 2);
    CHECK(eventually([&] {
      return pool.stats().in_use == 0;
    }));
  });
}

TEST_CASE("a call ends with the actor that made it, unless it is not linked") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1, .max_concurrency = 2});
    auto caller =
      node().system().spawn([=](caf::event_based_actor* self) -> caf::behavior {
        flame::call(self, pool, [](std::stop_token stop) {
          while (!stop.stop_requested())
            std::this_thread::sleep_for(1ms);
        }).then([] {}, [](const flame::call_error&) {});
        return {[=](end_atom) {
          self->quit();
        }};
      });
    CHECK(eventually([&] {
      return pool.stats().in_use == 1;
    }));
    caf::anon_send(caller, end_atom::value);
    CHECK(eventually([&] {
      return pool.stats().in_use == 0;
    }));
  });
}

TEST_CASE("a call without link goes on to its end when its actor has ended") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1});
    flag go{backend + "-go"};
    flag done{backend + "-done"};
    auto caller =
      node().system().spawn([&](caf::event_based_actor* self) -> caf::behavior {
        flame::call(self, pool, {.link = false}, works_until, go.path(),
                    done.path())
          .then([] {}, [](const flame::call_error&) {});
        return {[=](end_atom) {
          self->quit();
        }};
      });
    CHECK(eventually([&] {
      return pool.stats().in_use == 1;
    }));
    end_and_await(caller);
    go.raise();
    CHECK(eventually([&] {
      return done.is_up();
    }));
  });
}

TEST_CASE("a failed call is its handler's business, linked or not") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1});
    for (auto link : {true, false}) {
      auto text =
        in_actor<std::string>([=](caf::event_based_actor* self, auto done) {
          self->set_exit_handler([=](const caf::exit_msg&) {
            done("an exit message");
          });
          flame::call(self, pool, {.link = link}, fails)
            .then([] {},
                  [=](const flame::call_error& error) {
                    done(error.what());
                  });
        });
      CHECK(text == "no ink");
    }
  });
}

TEST_CASE("a linked cast is stopped when its actor ends, however it ends") {
  on_each_backend([](const std::string& backend) {
    auto errors = std::make_shared<std::atomic<int>>(0);
    flame::pool_options options{.max = 1};
    options.on_cast_error = [=](const flame::call_error&) {
      ++*errors;
    };
    auto pool = new_pool(backend, options);
    auto caller = spawn_caster(pool, {}, until_stopped);
    CHECK(eventually([&] {
      return pool.stats().in_use == 1;
    }));
    end_and_await(caller);
    CHECK(eventually([&] {
      return pool.stats().in_use == 0;
    }));
    // That is no failure.
    CHECK(*errors == 0);
  });
}

TEST_CASE("a queued cast of an actor that ended never runs") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1, .max_concurrency = 1});
    flag go{backend + "-go"};
    flag done{backend + "-done"};
    auto busy = flame::async(pool, works_until, go.path(), done.path());
    CHECK(eventually([&] {
      return pool.stats().in_use == 1;
    }));
    flag never{backend + "-never"};
    auto caller = spawn_caster(pool, {}, works_until, go.path(), never.path());
    CHECK(eventually([&] {
      return pool.stats().queued == 1;
    }));
    end_and_await(caller);
    CHECK(eventually([&] {
      return pool.stats().queued == 0;
    }));
    go.raise();
    busy.get();
    flame::call(pool, [] {});
    CHECK_FALSE(never.is_up());
  });
}

TEST_CASE("a cast without link goes on to its end when its actor has ended") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1});
    flag go{backend + "-go"};
    flag done{backend + "-done"};
    auto caller =
      spawn_caster(pool, {.link = false}, works_until, go.path(), done.path());
    CHECK(eventually([&] {
      return pool.stats().in_use == 1;
    }));
    end_and_await(caller);
    go.raise();
    CHECK(eventually([&] {
      return done.is_up();
    }));
  });
}

TEST_CASE("the failure of a linked cast ends its actor, with the cause") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1, .log = "off"});
    std::promise<caf::error> reason;
    auto caller = spawn_caster(pool, {}, fails);
    caller->attach_functor([&](const caf::error& why) {
      reason.set_value(why);
    });
    auto result = reason.get_future();
    REQUIRE(result.wait_for(30s) == std::future_status::ready);
    flame::call_error error{result.get()};
    CHECK(error.code() == flame::errc::remote_exception);
    CHECK(error.remote_type() == "std::runtime_error");
    CHECK(error.runner() == pool.name() + "-1");
    CHECK(std::string{error.what()} == "no ink");
  });
}

TEST_CASE("an actor with an exit handler outlives the casts that fail") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1, .log = "off"});
    auto text =
      in_actor<std::string>([=](caf::event_based_actor* self, auto done) {
        self->set_exit_handler([=](const caf::exit_msg& exit) {
          done(flame::call_error{exit.reason}.what());
        });
        flame::cast(self, pool, fails);
      });
    CHECK(text == "no ink");
  });
}

TEST_CASE("a cast whose runner is lost ends its linked actor") {
  auto pool = new_pool("process", {.max = 1, .log = "off"});
  auto code =
    in_actor<flame::errc>([=](caf::event_based_actor* self, auto done) {
      self->set_exit_handler([=](const caf::exit_msg& exit) {
        done(flame::code_of(exit.reason));
      });
      flame::cast(self, pool, [] {
        ::kill(::getpid(), SIGKILL);
      });
    });
  CHECK(code == flame::errc::runner_lost);
}

TEST_CASE("a cast without link that fails leaves its actor alone") {
  on_each_backend([](const std::string& backend) {
    auto failures = std::make_shared<std::atomic<int>>(0);
    flame::pool_options options{.max = 1, .log = "off"};
    options.on_cast_error = [=](const flame::call_error&) {
      ++*failures;
    };
    auto pool = new_pool(backend, options);
    auto caller =
      node().system().spawn([=](caf::event_based_actor* self) -> caf::behavior {
        auto exits = std::make_shared<int>(0);
        self->set_exit_handler([=](const caf::exit_msg&) {
          ++*exits;
        });
        flame::cast(self, pool, {.link = false}, fails);
        return {[=](get_atom) {
          return *exits;
        }};
      });
    CHECK(eventually([&] {
      return *failures == 1;
    }));
    CHECK(ask<int>(caller, get_atom::value) == 0);
  });
}

TEST_CASE("a child without link outlives its caller, and the other way") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1});
    // The placing actor quits as soon as it has the handle.
    auto [child, error] = place(pool, {.link = false}, counter, 40);
    REQUIRE(child);
    CHECK(ask<int>(child, get_atom::value) == 40);
    end_and_wait(pool, child);
    CHECK(
      !end_of_caller(pool, flame::call_options{.link = false}, ends_with, 42));
  });
}

TEST_CASE("an actor that quits in the handler of a call ends at once") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1, .timeout = flame::infinite});
    static std::atomic<int> handled = 0;
    handled = 0;
    std::promise<void> ended;
    auto caller =
      node().system().spawn([=](caf::event_based_actor* self) -> caf::behavior {
        flame::call(self, pool,
                    [](std::stop_token stop) {
                      while (!stop.stop_requested())
                        std::this_thread::sleep_for(1ms);
                    })
          .then(
            [] {
              ++handled;
            },
            [](const flame::call_error&) {
              ++handled;
            });
        flame::call(self, pool, [] {}).then([=] {
          ++handled;
          self->quit();
        });
        return {[](get_atom) {
          return 0;
        }};
      });
    caller->attach_functor([&](const caf::error&) {
      ended.set_value();
    });
    CHECK(ended.get_future().wait_for(30s) == std::future_status::ready);
    CHECK(eventually([&] {
      return pool.stats().in_use == 0;
    }));
    CHECK(handled == 1);
  });
}

TEST_CASE("actors and futures that wait when the node ends are told so") {
  static std::atomic<int> told = 0;
  std::vector<std::future<int>> futures;
  {
    flame::node other{flame::node_options{}};
    auto pool = other.pool("ending", {.max = 1,
                                      .max_concurrency = 1,
                                      .timeout = flame::infinite,
                                      .backend = "local"});
    auto until_stopped = [](std::stop_token stop) {
      while (!stop.stop_requested())
        std::this_thread::sleep_for(1ms);
      return 1;
    };
    for (int i = 0; i < 2000; ++i)
      futures.push_back(flame::async(pool, until_stopped));
    other.system().spawn([=](caf::event_based_actor* self) {
      for (int i = 0; i < 2000; ++i)
        flame::call(self, pool, until_stopped)
          .then([](int) {},
                [](const flame::call_error& error) {
                  if (error.code() == flame::errc::pool_closed)
                    ++told;
                });
    });
    CHECK(eventually([&] {
      return pool.stats().queued == 3999;
    }));
  }
  int closed = 0;
  for (auto& each : futures) {
    REQUIRE(each.wait_for(0s) == std::future_status::ready);
    try {
      each.get();
    } catch (const flame::call_error& error) {
      closed += error.code() == flame::errc::pool_closed;
    }
  }
  CHECK(closed == 1999);
  CHECK(told == 2000);
}

TEST_CASE("a queued call of an actor that ended never runs") {
  auto pool = new_pool("local", {.max = 1, .max_concurrency = 1});
  static std::atomic<bool> is_free = false;
  static std::atomic<int> ran = 0;
  auto busy = flame::async(pool, [] {
    while (!is_free)
      std::this_thread::sleep_for(1ms);
  });
  CHECK(eventually([&] {
    return pool.stats().in_use == 1;
  }));
  auto caller =
    node().system().spawn([=](caf::event_based_actor* self) -> caf::behavior {
      flame::call(self, pool, [] {
        ++ran;
      }).then([] {}, [](const flame::call_error&) {});
      return {[=](end_atom) {
        self->quit();
      }};
    });
  CHECK(eventually([&] {
    return pool.stats().queued == 1;
  }));
  caf::anon_send(caller, end_atom::value);
  CHECK(eventually([&] {
    return pool.stats().queued == 0;
  }));
  is_free = true;
  busy.get();
  flame::call(pool, [] {});
  CHECK(ran == 0);
}

TEST_CASE("a blocking call inside an actor is refused and says what to do") {
  auto pool = new_pool("local");
  auto text = in_actor<std::string>([=](caf::event_based_actor*, auto done) {
    try {
      flame::call(pool, [] {
        return 1;
      });
      done("it was not refused");
    } catch (const flame::call_error& error) {
      CHECK(error.code() == flame::errc::on_scheduler_thread);
      done(error.what());
    }
  });
  CHECK(text.find("flame::call(self, pool, f, args...).then") != text.npos);
}

TEST_CASE("a blocking call in a detached actor is fine") {
  auto pool = new_pool("local");
  std::promise<int> result;
  node().system().spawn<caf::detached>([&](caf::event_based_actor*) {
    result.set_value(flame::call(pool, [] {
      return 7;
    }));
  });
  auto outcome = result.get_future();
  REQUIRE(outcome.wait_for(30s) == std::future_status::ready);
  CHECK(outcome.get() == 7);
}

TEST_CASE("a blocking call in a broker is refused") {
  auto pool = new_pool("local");
  std::promise<flame::errc> result;
  node().system().middleman().spawn_broker([&](caf::io::broker*) {
    result.set_value(failure_of([&] {
                       flame::call(pool, [] {});
                     }).code());
  });
  CHECK(result.get_future().get() == flame::errc::on_scheduler_thread);
}

TEST_CASE("a blocking call on a thread that an actor has started is fine") {
  auto pool = new_pool("local");
  auto call = [pool] {
    return flame::call(pool, [] {
      return 7;
    });
  };
  auto future =
    in_actor<std::shared_ptr<std::future<int>>>([=](auto*, auto done) {
      done(std::make_shared<std::future<int>>(
        std::async(std::launch::async, call)));
    });
  CHECK(future->get() == 7);
}

TEST_CASE("a blocking call in a detached actor of an actor is fine") {
  auto pool = new_pool("local");
  std::promise<int> result;
  node().system().spawn([&](caf::event_based_actor* parent) {
    parent->spawn<caf::detached>([&](caf::event_based_actor*) {
      result.set_value(flame::call(pool, [] {
        return 7;
      }));
    });
  });
  CHECK(result.get_future().get() == 7);
}

TEST_CASE("a blocking call in a blocking actor is fine") {
  auto pool = new_pool("local");
  std::promise<int> result;
  node().system().spawn([&](caf::blocking_actor*) {
    result.set_value(flame::call(pool, [] {
      return 7;
    }));
  });
  CHECK(result.get_future().get() == 7);
}

TEST_CASE("a call never runs on a thread of the scheduler") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    auto name = flame::call(pool, [] {
      char own[16] = {};
      pthread_getname_np(pthread_self(), own, sizeof(own));
      return std::string{own};
    });
    CHECK(name == "flame.lane");
  });
}

TEST_CASE("a child is placed on a runner and answers") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    auto [child, error] = place(pool, {.link = false}, counter, 40);
    REQUIRE(child);
    caf::anon_send(child, add_atom::value, 2);
    CHECK(ask<int>(child, get_atom::value) == 42);
    CHECK((ask<int>(child, pid_atom::value) == ::getpid())
          == (backend == "local"));
    CHECK(pool.stats().in_use == 1);
    end_and_wait(pool, child);
  });
}

TEST_CASE("a child may be of an actor class") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    auto text =
      in_actor<std::string>([=](caf::event_based_actor* self, auto done) {
        flame::place_child<doubler>(self, pool, "n")
          .then(
            [=](const caf::actor& child) {
              self->request(child, 10s, 21).then([=](const std::string& it) {
                done(it);
              });
            },
            [=](const flame::call_error& e) {
              done(e.what());
            });
      });
    CHECK(text == "n42");
    CHECK(eventually([&] {
      return pool.stats().in_use == 0;
    }));
  });
}

TEST_CASE("an initialisation that throws is the error of the placing actor") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    auto [child, error] = place(pool, {}, never_starts, std::string{"no ink"});
    REQUIRE(error);
    CHECK(error->code() == flame::errc::child_failed);
    CHECK(std::string{error->what()}.find("no ink") != std::string::npos);
    CHECK(error->remote_type() == "std::runtime_error");
    CHECK(error->runner() == pool.name() + "-1");
    auto text =
      in_actor<std::string>([=](caf::event_based_actor* self, auto done) {
        flame::place_child<doubler>(self, pool, std::string{})
          .then(
            [=](const caf::actor&) {
              done("started");
            },
            [=](const flame::call_error& e) {
              done(e.what());
            });
      });
    CHECK(text.find("a doubler needs a name") != text.npos);
    CHECK(eventually([&] {
      return pool.stats().in_use == 0;
    }));
  });
}

TEST_CASE("a child that ends frees its slot") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1, .max_concurrency = 1});
    for (int i = 0; i < 20; ++i) {
      auto [child, error] = place(pool, {.link = false}, ends_at_once);
      CHECK(child);
    }
    CHECK(eventually([&] {
      return pool.stats().in_use == 0;
    }));
  });
}

TEST_CASE("a linked child ends with the actor that placed it") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    // The placing actor quits as soon as it has the handle.
    auto [child, error] = place(pool, {}, counter, 1);
    REQUIRE(child);
    CHECK(eventually([&] {
      return pool.stats().in_use == 0;
    }));
  });
}

TEST_CASE("a linked child that ends normally at once leaves its caller alone") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1});
    for (int i = 0; i < 20; ++i)
      CHECK(!end_of_caller(pool, ends_at_once));
  });
}

TEST_CASE("a linked caller ends with the reason of its child") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1});
    auto reason = end_of_caller(pool, ends_with, 42);
    CHECK(reason.code() == 42);
    CHECK(reason.category() == caf::atom("tests"));
  });
}

TEST_CASE("a linked caller ends when the runner of its child is lost") {
  auto pool = new_pool("process", {.max = 1});
  std::promise<caf::error> reason;
  auto caller =
    node().system().spawn([=](caf::event_based_actor* self) -> caf::behavior {
      flame::place_child(self, pool, counter, 1)
        .then(
          [=](const caf::actor&) {
            flame::cast(pool, [] {
              ::kill(::getpid(), SIGKILL);
            });
          },
          [](const flame::call_error&) {});
      return {[](get_atom) {
        return 0;
      }};
    });
  caller->attach_functor([&](const caf::error& why) {
    reason.set_value(why);
  });
  auto result = reason.get_future();
  REQUIRE(result.wait_for(30s) == std::future_status::ready);
  CHECK(result.get() == caf::exit_reason::remote_link_unreachable);
}

TEST_CASE("a constructor that takes its time delays no other child") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1});
    auto file = (std::filesystem::temp_directory_path()
                 / ("flame-slow-" + std::to_string(::getpid()) + backend))
                  .string();
    struct remover {
      std::string path;
      ~remover() {
        std::filesystem::remove(path);
      }
    } cleanup{file};
    auto slow = std::async(std::launch::async, [&] {
      return in_actor<int>([=](caf::event_based_actor* self, auto done) {
        flame::place_child<slow_starter>(self, pool, file)
          .then(
            [=](const caf::actor&) {
              done(1);
            },
            [=](const flame::call_error&) {
              done(-1);
            });
      });
    });
    CHECK(eventually([&] {
      return pool.stats().in_use == 1;
    }));
    auto [child, error] = place(pool, {}, counter, 1);
    CHECK(child);
    std::ofstream{file} << "go";
    CHECK(slow.get() == 1);
  });
}

TEST_CASE("a child that crashes takes its slot, and its linked caller knows") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    auto reason =
      in_actor<std::string>([=](caf::event_based_actor* self, auto done) {
        self->set_exit_handler([=](const caf::exit_msg& exit) {
          done(to_string(exit.reason));
        });
        flame::place_child(self, pool, counter, 1)
          .then(
            [=](const caf::actor& child) {
              self->send(child, crash_atom::value);
            },
            [=](const flame::call_error& e) {
              done(e.what());
            });
      });
    CHECK(reason != "");
    CHECK(eventually([&] {
      return pool.stats().in_use == 0;
    }));
    CHECK(flame::call(pool,
                      [] {
                        return 1;
                      })
          == 1);
  });
}

TEST_CASE("handles of the parent's actors work on runners, and the other way") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    auto [child, error] = place(pool, {.link = false}, counter, 7);
    REQUIRE(child);
    auto here = node().system().spawn(counter, 100);
    // Parent's handle as an argument, the runner's own as one and as a result.
    auto back = flame::call(
      pool,
      [](const caf::actor& parents, const caf::actor& own) {
        caf::anon_send(parents, add_atom::value, 1);
        caf::anon_send(own, add_atom::value, 1);
        return own;
      },
      here, child);
    CHECK(back == child);
    CHECK(eventually([&] {
      return ask<int>(here, get_atom::value) == 101;
    }));
    CHECK(eventually([&] {
      return ask<int>(back, get_atom::value) == 8;
    }));
    // A child asks an actor of the parent.
    CHECK(ask<int>(child, meet_atom::value, here) == 101);
    caf::anon_send_exit(here, caf::exit_reason::kill);
    end_and_wait(pool, child);
  });
}

TEST_CASE("an exit that is sent through the parent ends a third node's actor") {
  auto first = new_pool("process");
  auto second = new_pool("process");
  for (auto reason :
       {caf::exit_reason::kill, caf::exit_reason::user_shutdown}) {
    auto [child, error] = place(first, {.link = false}, counter, 1);
    REQUIRE(child);
    flame::call(
      second,
      [](const caf::actor& far, caf::exit_reason why) {
        caf::anon_send_exit(far, why);
      },
      child, reason);
    CHECK(eventually([&] {
      return first.stats().in_use == 0;
    }));
  }
}

TEST_CASE("a third node's actor that survives an exit can be reached on") {
  auto first = new_pool("process");
  auto second = new_pool("process");
  auto child = place(first, {.link = false}, survivor).child;
  REQUIRE(child);
  flame::call(
    second,
    [](const caf::actor& far) {
      caf::anon_send_exit(far, caf::exit_reason::user_shutdown);
    },
    child);
  CHECK(eventually([&] {
    return ask<int>(child, get_atom::value) == 1;
  }));
  auto exits = flame::call(
    second,
    [](const caf::actor& far) {
      caf::scoped_actor self{flame::this_node()->system()};
      self->monitor(far);
      int result = -1;
      self->request(far, 10s, get_atom::value)
        .receive(
          [&](int value) {
            result = value;
          },
          [](const caf::error&) {});
      return result;
    },
    child);
  CHECK(exits == 1);
  end_and_wait(first, child);
}

TEST_CASE("a link through the parent ends the third node's actor") {
  auto first = new_pool("process");
  auto second = new_pool("process");
  auto [child, error] = place(first, {.link = false}, counter, 1);
  REQUIRE(child);
  flame::call(
    second,
    [](const caf::actor& far) {
      flame::this_node()->system().spawn([=](caf::event_based_actor* self) {
        self->link_to(far);
        self->quit(caf::exit_reason::user_shutdown);
      });
    },
    child);
  CHECK(eventually([&] {
    return first.stats().in_use == 0;
  }));
}

TEST_CASE("a link through the parent tells of the third node's actor's end") {
  auto first = new_pool("process");
  auto second = new_pool("process");
  auto [child, error] = place(first, {.link = false}, counter, 1);
  REQUIRE(child);
  auto told = node().system().spawn(counter, 0);
  flame::call(
    second,
    [](const caf::actor& far, const caf::actor& whom) {
      auto linked = flame::this_node()->system().spawn(
        [=](caf::event_based_actor* self) -> caf::behavior {
          self->set_exit_handler([=](const caf::exit_msg&) {
            self->send(whom, add_atom::value, 1);
            self->quit();
          });
          self->link_to(far);
          return {[=](get_atom) {
            return 1;
          }};
        });
      caf::scoped_actor self{flame::this_node()->system()};
      self->request(linked, 10s, get_atom::value)
        .receive([](int) {}, [](const caf::error&) {});
    },
    child, told);
  CHECK(ask<int>(told, get_atom::value) == 0);
  end_and_wait(first, child);
  CHECK(eventually([&] {
    return ask<int>(told, get_atom::value) == 1;
  }));
  caf::anon_send_exit(told, caf::exit_reason::kill);
}

TEST_CASE("a third node's actor is reached through the parent") {
  auto first = new_pool("process");
  auto second = new_pool("process");
  auto [child, error] = place(first, {.link = false}, counter, 20);
  REQUIRE(child);
  auto sum = flame::call(
    second,
    [](const caf::actor& far) {
      caf::scoped_actor self{flame::this_node()->system()};
      int result = 0;
      self->send(far, add_atom::value, 1);
      self->request(far, 10s, get_atom::value)
        .receive(
          [&](int value) {
            result = value;
          },
          [&](const caf::error&) {
            result = -1;
          });
      return result;
    },
    child);
  CHECK(sum == 21);
  // The relay ends with the actor that it stands for.
  auto ended = flame::async(
    second,
    [](const caf::actor& far) {
      caf::scoped_actor self{flame::this_node()->system()};
      self->monitor(far);
      bool down = false;
      self->receive(
        [&](const caf::down_msg&) {
          down = true;
        },
        caf::after(10s) >> [] {});
      return down;
    },
    child);
  CHECK(eventually([&] {
    return second.stats().in_use == 1;
  }));
  end_and_wait(first, child);
  CHECK(ended.get());
}

TEST_CASE("children that are placed before any runner is there share runners") {
  auto pool = new_pool("process", {.max = 2, .max_concurrency = 3});
  auto pids =
    in_actor<std::vector<int>>([=](caf::event_based_actor* self, auto done) {
      auto seen = std::make_shared<std::vector<int>>();
      for (int i = 0; i < 6; ++i)
        flame::place_child(self, pool, counter, i)
          .then(
            [=](const caf::actor& child) {
              self->request(child, 10s, pid_atom::value).then([=](int pid) {
                seen->push_back(pid);
                if (seen->size() == 6)
                  done(*seen);
              });
            },
            [=](const flame::call_error& e) {
              FAIL_CHECK(e.what());
              done({});
            });
    });
  std::sort(pids.begin(), pids.end());
  pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
  CHECK(pids.size() == 2);
}

TEST_CASE("callers that end while their children are placed leave no slot") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 2, .max_concurrency = 8});
    constexpr int callers = 100;
    static std::atomic<int> placed_ones;
    placed_ones = 0;
    for (int i = 0; i < callers; ++i)
      node().system().spawn([=](caf::event_based_actor* self) -> caf::behavior {
        flame::place_child(self, pool, counter, i)
          .then(
            [=](const caf::actor&) {
              ++placed_ones;
              self->quit();
            },
            [](const flame::call_error&) {});
        // Every other one ends at once, whatever has become of its child.
        if (i % 2 == 0)
          self->quit();
        return {[](get_atom) {
          return 0;
        }};
      });
    CHECK(eventually([&] {
      return placed_ones == callers / 2;
    }));
    CHECK(eventually([&] {
      return pool.stats().in_use + pool.stats().queued == 0;
    }));
    CHECK(pool.stats().lost == 0);
    auto [child, error] = place(pool, {.link = false}, counter, 7);
    REQUIRE(child);
    CHECK(ask<int>(child, get_atom::value) == 7);
    end_and_wait(pool, child);
  });
}

TEST_CASE("100,000 callers that give up together have their error, and the "
          "pool goes on") {
  constexpr int callers = 100'000;
  auto pool = new_pool("process", {.max = 1, .max_concurrency = 1});
  flag go{"give-up-go"};
  flag done{"give-up-done"};
  auto busy = flame::async(pool, {.timeout = flame::infinite}, works_until,
                           go.path(), done.path());
  CHECK(eventually([&] {
    return pool.stats().in_use == 1;
  }));
  std::atomic<int> timeouts = 0;
  std::atomic<int> others = 0;
  auto deadline = std::chrono::steady_clock::now() + 3s;
  auto caller =
    node().system().spawn([&](caf::event_based_actor* self) -> caf::behavior {
      for (int i = 0; i < callers; ++i) {
        auto left = deadline - std::chrono::steady_clock::now();
        flame::call(self, pool,
                    {.timeout = std::max<flame::duration>(left, 1ms)}, [] {})
          .then(
            [&] {
              ++others;
            },
            [&](const flame::call_error& error) {
              ++(error.code() == flame::errc::timeout ? timeouts : others);
            });
      }
      return {[=](end_atom) {
        self->quit();
      }};
    });
  auto longest = std::chrono::steady_clock::duration::zero();
  auto all_told = eventually(
    [&] {
      auto begin = std::chrono::steady_clock::now();
      pool.stats();
      longest = std::max(longest, std::chrono::steady_clock::now() - begin);
      return timeouts + others == callers;
    },
    60s);
  end_and_await(caller);
  REQUIRE(all_told);
  CHECK(timeouts == callers);
  MESSAGE("longest time without an answer of the pool: "
          << std::chrono::duration<double, std::milli>(longest).count()
          << " ms");
  CHECK(pool.stats().queued == 0);
  go.raise();
  busy.get();
  CHECK(flame::call(pool,
                    [] {
                      return 1;
                    })
        == 1);
  CHECK(pool.stats().boots == 1);
}
