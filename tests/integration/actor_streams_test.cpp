/// Streams whose items an actor handles.
#include <atomic>
#include <thread>

#include <signal.h>
#include <unistd.h>

#include "support/actors.hpp"
#include "support/processes.hpp"
#include "support/sanitizers.hpp"

using namespace std::chrono_literals;
using namespace tests;

namespace {

using get_atom = caf::atom_constant<caf::atom("get")>;

void count_to(flame::emitter<int>& out, int n) {
  for (int i = 0; i < n; ++i)
    out(i);
}

/// Never ends by itself.
void flow(flame::emitter<std::string>& out, std::size_t size) {
  for (std::string item(size, 'x');;)
    out(item);
}

bool has_free_slots(const flame::pool& pool) {
  return eventually([&] {
    return pool.stats().in_use == 0;
  });
}

/// What an actor has seen of a stream.
template <class T>
struct record {
  std::vector<T> items;
  int ends = 0;
  std::vector<flame::call_error> errors;
};

/// Streams in an actor until the stream has ended, and then says what it saw.
template <class T, class F, class... Args>
record<T> streamed(const flame::pool& pool, const flame::call_options& options,
                   F f, Args... args) {
  return in_actor<record<T>>([=](caf::event_based_actor* self, auto done) {
    auto seen = std::make_shared<record<T>>();
    flame::stream(self, pool, options, f, args...)
      .then(
        [=](T item) {
          seen->items.push_back(std::move(item));
        },
        [=] {
          ++seen->ends;
          done(*seen);
        },
        [=](const flame::call_error& error) {
          seen->errors.push_back(error);
          done(*seen);
        });
  });
}

} // namespace

TEST_CASE("an actor gets the items of a stream in order, and then its end") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1});
    for (int n : {0, 1, 2, 50'000}) {
      auto seen = streamed<int>(pool, {}, count_to, n);
      REQUIRE(seen.items.size() == static_cast<std::size_t>(n));
      for (int i = 0; i < n; ++i)
        REQUIRE(seen.items[static_cast<std::size_t>(i)] == i);
      CHECK(seen.ends == 1);
      CHECK(seen.errors.empty());
    }
    CHECK(has_free_slots(pool));
  });
}

TEST_CASE(
  "an actor gets items of every length, and what the function returns") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    auto sizes = in_actor<std::vector<std::size_t>>(
      [=](caf::event_based_actor* self, auto done) {
        auto seen = std::make_shared<std::vector<std::size_t>>();
        flame::stream(
          self, pool,
          [](flame::emitter<std::string>& out, std::size_t most) {
            std::size_t n = 0;
            for (; n < most; n = 3 * n + 1)
              out(std::string(n, 'x'));
            return n;
          },
          5'000'000)
          .then(
            [=](const std::string& item) {
              seen->push_back(item.size());
            },
            [=](std::size_t last) {
              seen->push_back(last);
              done(*seen);
            },
            [=](const flame::call_error&) {
              done({});
            });
      });
    REQUIRE(sizes.size() > 10);
    for (std::size_t i = 1; i < sizes.size(); ++i)
      CHECK(sizes[i] == 3 * sizes[i - 1] + 1);
  });
}

TEST_CASE("an actor gets an exception after the items before it") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    auto seen = streamed<int>(pool, {}, [](flame::emitter<int>& out) {
      out(1);
      out(2);
      throw std::runtime_error("no third one");
    });
    CHECK(seen.items == std::vector{1, 2});
    CHECK(seen.ends == 0);
    REQUIRE(seen.errors.size() == 1);
    CHECK(seen.errors[0].code() == flame::errc::remote_exception);
    CHECK(seen.errors[0].what() == std::string{"no third one"});
    CHECK(has_free_slots(pool));
  });
}

TEST_CASE("an actor gets what a runner has sent before it is lost, and why") {
  auto pool = new_pool("process", {.max = 1});
  auto seen = streamed<int>(pool, {}, [](flame::emitter<int>& out) {
    for (int i = 0; i < 1000; ++i)
      out(i);
    ::kill(::getpid(), SIGKILL);
  });
  CHECK(seen.items.size() == 1000);
  REQUIRE(seen.errors.size() == 1);
  CHECK(seen.errors[0].code() == flame::errc::runner_lost);
  CHECK(std::string{seen.errors[0].what()}.find("signal 9")
        != std::string::npos);
}

TEST_CASE("what was sent arrives also where the actor is busy at the loss") {
  auto pool = new_pool("process", {.max = 1});
  auto seen =
    in_actor<record<int>>([=](caf::event_based_actor* self, auto done) {
      auto what = std::make_shared<record<int>>();
      flame::stream(self, pool,
                    [](flame::emitter<int>& out) {
                      // No more than the socket holds: nobody reads it.
                      for (int i = 0; i < 100; ++i)
                        out(i);
                      ::kill(::getpid(), SIGKILL);
                    })
        .then(
          [=](int item) {
            what->items.push_back(item);
            // Until the pool knows of the loss.
            if (item == 0)
              CHECK(eventually([&] {
                return pool.stats().lost == 1;
              }));
          },
          [=] {
            done(*what);
          },
          [=](const flame::call_error& error) {
            what->errors.push_back(error);
            done(*what);
          });
    });
  CHECK(seen.items.size() == 100);
  REQUIRE(seen.errors.size() == 1);
  CHECK(seen.errors[0].code() == flame::errc::runner_lost);
}

TEST_CASE("the timeout of an actor's stream stops the function") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1, .max_concurrency = 1});
    // The time is for the function, not for the boot of its runner.
    flame::call(pool, [] {});
    auto seen = streamed<std::string>(
      pool, {.timeout = 1s},
      [](std::stop_token stop, flame::emitter<std::string>& out) {
        out("first");
        while (!stop.stop_requested())
          std::this_thread::sleep_for(1ms);
      });
    CHECK(seen.items == std::vector<std::string>{"first"});
    REQUIRE(seen.errors.size() == 1);
    CHECK(seen.errors[0].code() == flame::errc::timeout);
    CHECK(has_free_slots(pool));
    CHECK(pool.stats().lost == 0);
  });
}

TEST_CASE("a stream that gets no slot in time ends with the timeout") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1, .max_concurrency = 1});
    auto blocker = flame::stream(pool, flow, 10);
    auto seen = streamed<int>(pool, {.timeout = 50ms}, count_to, 10);
    CHECK(seen.items.empty());
    REQUIRE(seen.errors.size() == 1);
    CHECK(seen.errors[0].code() == flame::errc::timeout);
  });
}

TEST_CASE("an actor leaves a stream, and its function is stopped") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1, .max_concurrency = 1});
    for (std::size_t size : {1u, 100'000u})
      for (auto by_return : {false, true}) {
        auto [items, code] = in_actor<std::pair<int, flame::errc>>(
          [=](caf::event_based_actor* self, auto done) {
            auto count = std::make_shared<int>(0);
            auto control =
              std::make_shared<std::optional<flame::stream_control<void>>>();
            *control = flame::stream(self, pool, flow, size)
                         .then(
                           [=](const std::string&) {
                             ++*count;
                             if (*count < 3)
                               return true;
                             if (by_return)
                               return false;
                             (*control)->cancel();
                             return true;
                           },
                           [=] {
                             done({*count, flame::errc{}});
                           },
                           [=](const flame::call_error& error) {
                             done({*count, error.code()});
                           });
          });
        CHECK(items == 3);
        CHECK(code == flame::errc::cancelled);
        CHECK(has_free_slots(pool));
      }
    CHECK(pool.stats().lost == 0);
    CHECK(pool.stats().boots == 1);
  });
}

TEST_CASE("the function of a stream is stopped when its actor ends") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1, .max_concurrency = 1});
    for (auto throws : {false, true}) {
      std::promise<int> ended;
      auto count = std::make_shared<int>(0);
      auto actor = node().system().spawn(
        [=](caf::event_based_actor* self) -> caf::behavior {
          flame::stream(self, pool, {.link = false}, flow, 1000)
            .then(
              [=](const std::string&) {
                if (++*count < 5)
                  return;
                if (throws)
                  throw std::runtime_error("enough");
                self->quit();
              },
              [=] {
                *count += 1000;
              },
              [=](const flame::call_error&) {
                *count += 1000;
              });
          return {[](get_atom) {}};
        });
      actor->attach_functor([&](const caf::error&) {
        ended.set_value(*count);
      });
      auto result = ended.get_future();
      REQUIRE(result.wait_for(30s) == std::future_status::ready);
      CHECK(result.get() == 5);
      CHECK(has_free_slots(pool));
    }
    CHECK(pool.stats().lost == 0);
  });
}

TEST_CASE("an actor feeds a function and gets what it makes of it") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1});
    auto sum = in_actor<long>([=](caf::event_based_actor* self, auto done) {
      auto input = flame::stream(
                     self, pool,
                     [](flame::source<long>& in, long start) {
                       for (long item : in)
                         start += item;
                       return start;
                     },
                     1'000'000)
                     .then(done, [=](const flame::call_error&) {
                       done(-1);
                     });
      // Before there is a runner, too.
      for (long i = 0; i < 10'000; ++i)
        input.send(i);
      // The input ends with the last handle of it.
    });
    CHECK(sum == 1'000'000 + 9999L * 10'000 / 2);
    CHECK(has_free_slots(pool));
    // The lane has ended well: it carries the next call.
    CHECK(flame::call(pool,
                      [] {
                        return 1;
                      })
          == 1);
  });
}

/// Sends items for as long as there is room, and counts them.
class feeder : public std::enable_shared_from_this<feeder> {
public:
  feeder(flame::stream_control<std::string> to, int count)
    : to_(std::move(to)),
      left_(count) {
    // nop
  }

  void start() {
    to_.on_room([self = weak_from_this()] {
      if (auto it = self.lock())
        it->feed();
    });
    feed();
  }

  int pauses() const {
    return pauses_;
  }

private:
  void feed() {
    while (left_ > 0) {
      --left_;
      if (!to_.send(std::string(10'000, 'x'))) {
        ++pauses_;
        return;
      }
    }
    to_.end_input();
  }

  flame::stream_control<std::string> to_;
  int left_;
  int pauses_ = 0;
};

TEST_CASE("an actor that sends is told when there is room for more") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    auto [bytes, pauses] = in_actor<std::pair<std::size_t, int>>(
      [=](caf::event_based_actor* self, auto done) {
        auto feeding = std::make_shared<std::shared_ptr<feeder>>();
        *feeding = std::make_shared<feeder>(
          flame::stream(self, pool,
                        [](flame::source<std::string>& in) {
                          // For longer than it takes to fill the socket.
                          std::this_thread::sleep_for(beyond_boot(50ms));
                          std::size_t sum = 0;
                          for (auto& item : in)
                            sum += item.size();
                          return sum;
                        })
            .then(
              [=](std::size_t sum) {
                done({sum, (*feeding)->pauses()});
                feeding->reset();
              },
              [=](const flame::call_error&) {
                done({0, 0});
              }),
          2000);
        (*feeding)->start();
      });
    CHECK(bytes == 20'000'000);
    // It was told to wait: 20 MB were not all taken at once.
    CHECK(pauses > 0);
    CHECK(has_free_slots(pool));
  });
}

TEST_CASE("items of an actor travel both ways at once") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    // Each item is the answer to the one before.
    auto last = in_actor<int>([=](caf::event_based_actor* self, auto done) {
      using input = flame::stream_control<int>;
      auto control = std::make_shared<std::optional<input>>();
      auto seen = std::make_shared<int>(0);
      control->emplace(
        flame::stream(self, pool,
                      [](flame::emitter<int>& out, flame::source<int>& in) {
                        for (int item : in)
                          out(item + 1);
                      })
          .then(
            [=](int item) {
              *seen = item;
              if (item < 500)
                (*control)->send(item);
              else
                (*control)->end_input();
            },
            [=] {
              control->reset();
              done(*seen);
            },
            [=](const flame::call_error&) {
              done(-1);
            }));
      (*control)->send(0);
    });
    CHECK(last == 500);
  });
}

TEST_CASE("a function ends although its actor has not sent everything") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1, .max_concurrency = 1});
    auto first =
      in_actor<std::string>([=](caf::event_based_actor* self, auto done) {
        auto input =
          flame::stream(self, pool, [](flame::source<std::string>& in) {
            return *in.next();
          }).then(done, [=](const flame::call_error& error) {
            done(error.what());
          });
        input.send("one");
        for (int i = 0; i < 300; ++i)
          input.send(std::string(10'000, 'x'));
      });
    CHECK(first == "one");
    CHECK(has_free_slots(pool));
    CHECK(flame::call(pool,
                      [] {
                        return 1;
                      })
          == 1);
    CHECK(pool.stats().lost == 0);
  });
}

TEST_CASE("an actor that does not handle its items stops the function") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    static std::atomic<bool> may_go_on;
    may_go_on = false;
    auto file = std::filesystem::temp_directory_path()
                / ("flame-made-" + std::to_string(::getpid()) + backend);
    struct remover {
      std::filesystem::path path;
      ~remover() {
        std::filesystem::remove(path);
      }
    } cleanup{file};
    // The file grows by a byte with each item that is made.
    auto made = [=] {
      return std::filesystem::exists(file) ? std::filesystem::file_size(file)
                                           : 0;
    };
    auto total = std::async(std::launch::async, [=] {
      return in_actor<std::size_t>(
        [=](caf::event_based_actor* self, auto done) {
          auto count = std::make_shared<std::size_t>(0);
          flame::stream(
            self, pool,
            [](flame::emitter<std::string>& out, const std::string& path) {
              std::ofstream log{path};
              for (int i = 0; i < 10'000; ++i) {
                out(std::string(10'000, 'x'));
                log << 'x' << std::flush;
              }
            },
            file.string())
            .then(
              [=](const std::string&) {
                ++*count;
                while (!may_go_on)
                  std::this_thread::sleep_for(1ms);
              },
              [=] {
                done(*count);
              },
              [=](const flame::call_error&) {
                done(0);
              });
        });
    });
    // It comes to rest, long before the end.
    CHECK(eventually([&, last = made()]() mutable {
      std::this_thread::sleep_for(100ms);
      auto before = std::exchange(last, made());
      return last > 0 && last == before;
    }));
    CHECK(made() < 500);
    may_go_on = true;
    CHECK(total.get() == 10'000);
  });
}

// AddressSanitizer keeps what is freed for a while.
TEST_CASE("memory stays flat while an actor gets a gibibyte of items"
          * doctest::skip(has_sanitizer)) {
  auto pool = new_pool("process", {.max = 1, .timeout = 5min});
  auto resident = [&] {
    return flame::call(pool, [] {
      return resident_kib();
    });
  };
  auto stream_mib = [&](std::size_t mib) {
    auto bytes =
      in_actor<std::size_t>([=](caf::event_based_actor* self, auto done) {
        auto sum = std::make_shared<std::size_t>(0);
        flame::stream(
          self, pool,
          [](flame::emitter<std::string>& out, std::size_t count) {
            for (std::string item(64 * 1024, 'x'); count > 0; --count)
              out(item);
          },
          mib * 16)
          .then(
            [=](const std::string& item) {
              *sum += item.size();
            },
            [=] {
              done(*sum);
            },
            [=](const flame::call_error&) {
              done(0);
            });
      });
    CHECK(bytes == mib << 20);
  };
  stream_mib(16);
  auto here = resident_kib();
  auto there = resident();
  stream_mib(1024);
  CHECK(resident_kib() < here + 8 * 1024);
  CHECK(resident() < there + 8 * 1024);
}

TEST_CASE("an actor handles other messages and streams while one goes on") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend);
    auto actor =
      node().system().spawn([=](caf::event_based_actor* self) -> caf::behavior {
        auto count = std::make_shared<int>(0);
        for (int i = 0; i < 3; ++i)
          flame::stream(self, pool, flow, 1000)
            .then(
              [=](const std::string&) {
                ++*count;
              },
              [] {}, [](const flame::call_error&) {});
        return {[=](get_atom) {
          return *count;
        }};
      });
    auto last = 0;
    for (int i = 0; i < 5; ++i)
      CHECK(eventually([&] {
        auto now = ask<int>(actor, get_atom::value);
        return std::exchange(last, now) < now;
      }));
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    CHECK(has_free_slots(pool));
  });
}

TEST_CASE("the handler of a stream's error may take an error of CAF's") {
  auto pool = new_pool("process");
  auto error =
    in_actor<std::string>([=](caf::event_based_actor* self, auto done) {
      flame::stream(self, pool, {.timeout = 20s},
                    [](flame::emitter<int>& out) {
                      out(1);
                    })
        .then(
          [=](int) {
            return false;
          },
          [=] {
            done("ended");
          },
          // CAF's own kind of error is as good.
          [=](caf::error& why) {
            done(flame::describe(why));
          });
    });
  CAPTURE(error);
  CHECK(error.find("cancelled") != std::string::npos);
}

TEST_CASE("what an actor sends is at most max_message long") {
  auto pool = new_pool("process", {.max_message = 10'000});
  auto code =
    in_actor<flame::errc>([=](caf::event_based_actor* self, auto done) {
      auto input =
        flame::stream(self, pool, [](flame::source<std::string>& in) {
          return in.next().has_value();
        }).then([](bool) {}, [](const flame::call_error&) {});
      try {
        input.send(std::string(20'000, 'x'));
        done(flame::errc{});
      } catch (const flame::call_error& error) {
        done(error.code());
      }
    });
  CHECK(code == flame::errc::message_too_large);
}
