/// The checks that `backend_contract` runs.
#pragma once

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <future>
#include <iostream>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

#include "flame/call.hpp"
#include "flame/error.hpp"
#include "flame/node.hpp"
#include "flame/place.hpp"
#include "flame/testing/orphan.hpp"
#include "flame/testing/watched_backend.hpp"

namespace flame::testing {

/// What a backend can do; what it cannot is not checked.
struct capabilities {
  /// Runners are apart from the parent: one that crashes takes nothing along.
  bool isolates_crashes = true;

  /// `exit_info` has the exit status, or the signal.
  bool tells_exit_status = true;

  /// What instances write arrives at `on_output`, and what they write to their
  /// standard error last in `exit_info::last_lines`.
  bool passes_output = true;

  /// It starts `boot_request::command`, and says so when that cannot be.
  bool starts_command = true;

  /// A boot that has been cancelled before it begins fails as `cancelled`.
  bool can_cancel = true;

  /// When the parent is killed, its runners end by themselves within 10 s. They
  /// must be processes that the parent sees.
  bool ends_with_parent = true;

  /// Time for what should happen soon: an end to be told, a line to arrive.
  std::chrono::seconds patience{20};
};

/// A check that failed.
struct failure {
  /// The check, as a sentence of what must be.
  std::string check;

  /// What was seen instead.
  std::string text;
};

namespace work {

inline int sum(int x, int y) {
  return x + y;
}

inline bool is_on_runner() {
  return flame::parent() != nullptr;
}

inline int process_id() {
  return ::getpid();
}

inline void say(const std::string& line) {
  std::cout << line << " aloud" << std::endl;
  std::cerr << line << " in anger" << std::endl;
}

inline void leave(const std::string& line) {
  std::cerr << line << std::endl;
  ::_exit(3);
}

/// Not by SIGKILL, which the first process of a container cannot send itself.
inline void crash() {
  rlimit no_dump{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_dump);
  std::abort();
}

inline void wait_for_stop(std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock guard{mutex};
  stopped.wait(guard, stop, [] {
    return false;
  });
}

inline caf::behavior adder(caf::event_based_actor*, int start) {
  return {[=](int much) {
    return start + much;
  }};
}

/// Places an adder, asks it, and ends, and the adder with it.
inline caf::behavior asker(caf::event_based_actor* self, const pool& where,
                           const std::shared_ptr<std::promise<int>>& answer) {
  auto fail = [=](const auto& error) {
    answer->set_exception(std::make_exception_ptr(call_error{error}));
    self->quit();
  };
  place_child(self, where, adder, 40)
    .then(
      [=](const caf::actor& child) {
        self->request(child, caf::infinite, 2)
          .then(
            [=](int sum) {
              answer->set_value(sum);
              self->quit();
            },
            [=](const caf::error& error) {
              fail(error);
            });
      },
      [=](const call_error& error) {
        fail(error);
      });
  return {};
}

} // namespace work

/// @private
class contract_checks {
public:
  contract_checks(node& self, backend_options watched, capabilities can,
                  std::shared_ptr<boot_ledger> ledger)
    : self_(self),
      watched_(std::move(watched)),
      can_(can),
      ledger_(std::move(ledger)) {
    // nop
  }

  std::vector<failure> run() {
    check_calls();
    check_children();
    check_ids();
    check_terminate();
    if (can_.isolates_crashes) {
      check_crash();
      check_exit();
      check_slow_boot();
      check_boot_that_is_given_up();
    }
    if (can_.passes_output)
      check_output();
    if (can_.starts_command)
      check_failing_boot();
    if (can_.can_cancel)
      check_cancelled_boot();
    if (can_.ends_with_parent)
      check_parent_death();
    check_books();
    return std::move(failures_);
  }

  [[noreturn]] void die_with_a_runner() {
    be_victim(call(new_pool({}), work::process_id));
  }

private:
  using clock = std::chrono::steady_clock;

  void expect(bool holds, std::string otherwise) {
    if (!holds)
      failures_.push_back({current_, std::move(otherwise)});
  }

  pool new_pool(pool_options options) {
    options.backend = watched_;
    return self_.pool(watched_.name + "-" + std::to_string(++pools_), options);
  }

  /// Runs one check on a pool of its own, and waits until nothing is left of
  /// it.
  template <class F>
  void on_pool(std::string sentence, tampering how, pool_options options,
               F body) {
    current_ = std::move(sentence);
    ledger_->tamper(how);
    first_ = ledger_->look([](auto& all) {
      return all.size();
    });
    try {
      auto where = new_pool(std::move(options));
      body(where);
      where.shutdown();
    } catch (const std::exception& error) {
      expect(false, std::string{"failed with: "} + error.what());
    }
    ledger_->tamper(tampering::none);
    auto is_over = [this](const boot_ledger::records& all) {
      for (auto i = first_; i < all.size(); ++i)
        if (all[i]->answers == 0 || (all[i]->is_booted && all[i]->exits == 0))
          return false;
      return true;
    };
    expect(ledger_->await(is_over, can_.patience),
           "a boot was not answered, or the end of an instance was not told, "
           "after the pool had shut down");
  }

  /// The error of a call that must fail.
  template <class F>
  call_error failure_of(F body) {
    try {
      body();
    } catch (const call_error& error) {
      return error;
    }
    return call_error{errc{}, "the call succeeded"};
  }

  void expect_code(const call_error& error, std::vector<errc> wanted) {
    for (auto code : wanted)
      if (error.code() == code)
        return;
    expect(false, std::string{"the call ended with "}
                    + std::string{to_string(error.code())} + ": "
                    + error.what());
  }

  /// The boot that was asked for last in this check.
  template <class F>
  auto last_boot(F f) {
    return ledger_->look([&](auto& all) {
      return f(*all.back());
    });
  }

  void check_calls() {
    on_pool("a runner that was booted answers calls", tampering::none, {},
            [&](pool& where) {
              expect(call(where, work::sum, 40, 2) == 42, "40 + 2 is not 42");
              if (can_.isolates_crashes)
                expect(call(where, work::is_on_runner),
                       "the call ran in the parent's process");
            });
  }

  void check_children() {
    on_pool("children live on a runner that was booted", tampering::none, {},
            [&](pool& where) {
              auto answer = std::make_shared<std::promise<int>>();
              auto sum = answer->get_future();
              self_.system().spawn(work::asker, where, answer);
              if (sum.wait_for(can_.patience) == std::future_status::ready)
                expect(sum.get() == 42, "the child's answer is not 42");
              else
                expect(false, "the child did not answer in time");
            });
  }

  void check_ids() {
    on_pool("instances that are booted together have ids of their own",
            tampering::none, {.min = 3, .max = 3}, [&](pool&) {
              std::set<std::string> ids;
              ledger_->look([&](auto& all) {
                for (auto i = first_; i < all.size(); ++i)
                  ids.insert(all[i]->id);
              });
              expect(ids.size() == 3 && !ids.contains(""),
                     "three runners were booted, and have "
                       + std::to_string(ids.size()) + " ids");
            });
  }

  void check_terminate() {
    on_pool("an instance that is terminated ends, and fails its call",
            tampering::none, {.max = 1, .max_concurrency = 1},
            [&](pool& where) {
              call(where, work::sum, 1, 1);
              auto held = async(where, work::wait_for_stop);
              // The pool counts the slot and tells nobody.
              for (auto end = clock::now() + can_.patience;
                   where.stats().in_use == 0 && clock::now() < end;)
                std::this_thread::sleep_for(std::chrono::milliseconds{1});
              if (auto booted = last_boot([](auto& boot) {
                    return boot.booted.lock();
                  })) {
                booted->terminate();
                booted->terminate();
              }
              auto error = failure_of([&] {
                held.get();
              });
              expect_code(error, {errc::runner_lost});
              expect(call(where, work::sum, 1, 1) == 2, "1 + 1 is not 2");
            });
  }

  void check_crash() {
    on_pool("a crash fails its call with the signal, and the pool goes on",
            tampering::none, {.max = 1}, [&](pool& where) {
              auto error = failure_of([&] {
                call(where, work::crash);
              });
              expect_code(error, {errc::runner_lost});
              expect_end(exit_info::kind::signaled, SIGABRT);
              expect(call(where, work::sum, 1, 1) == 2, "1 + 1 is not 2");
            });
  }

  void check_exit() {
    on_pool("an exit is told with its status and what was written last",
            tampering::none, {.max = 1}, [&](pool& where) {
              auto error = failure_of([&] {
                call(where, work::leave, std::string{"there is no more paper"});
              });
              expect_code(error, {errc::runner_lost});
              expect_end(exit_info::kind::exited, 3);
              if (can_.passes_output)
                expect(std::string{error.what()}.find("no more paper")
                         != std::string::npos,
                       std::string{"the call's error lacks the last lines: "}
                         + error.what());
            });
  }

  void expect_end(exit_info::kind how, int status) {
    if (!can_.tells_exit_status)
      return;
    auto end = last_boot([](auto& boot) {
      return boot.end;
    });
    expect(end.how == how && end.status == status,
           "the instance " + to_string(end));
  }

  void check_output() {
    on_pool("what an instance writes arrives", tampering::none, {.max = 1},
            [&](pool& where) {
              call(where, work::say, std::string{"flame speaks"});
              auto is_there = [](const boot_ledger::records& all) {
                auto& output = all.back()->output;
                return output.find("flame speaks aloud\n") != std::string::npos
                       && output.find("flame speaks in anger\n")
                            != std::string::npos;
              };
              expect(ledger_->await(is_there, can_.patience),
                     "a line on standard output or error did not arrive");
            });
  }

  void check_slow_boot() {
    on_pool("a runner that does not join within boot_timeout is ended",
            tampering::unconnected,
            {.max = 1,
             .timeout = std::chrono::seconds{2},
             .boot_timeout = std::chrono::milliseconds{500}},
            [&](pool& where) {
              auto error = failure_of([&] {
                call(where, work::sum, 1, 1);
              });
              expect_code(error, {errc::boot_failed, errc::timeout});
              expect(std::string{error.what()}.find("boot_timeout")
                       != std::string::npos,
                     std::string{"the call's error lacks the cause: "}
                       + error.what());
            });
  }

  void check_boot_that_is_given_up() {
    on_pool("a boot that is given up half-way leaves nothing behind",
            tampering::unconnected, {.max = 1}, [&](pool& where) {
              auto waiting = async(where, work::sum, 1, 1);
              auto has_begun = [this](const boot_ledger::records& all) {
                return all.size() > first_;
              };
              expect(ledger_->await(has_begun, can_.patience), "no boot began");
              where.shutdown();
              expect_code(failure_of([&] {
                            waiting.get();
                          }),
                          {errc::pool_closed, errc::boot_failed});
            });
  }

  void check_cancelled_boot() {
    on_pool("a boot that is cancelled before it begins does not begin",
            tampering::cancelled,
            {.max = 1, .timeout = std::chrono::seconds{1}}, [&](pool& where) {
              auto error = failure_of([&] {
                call(where, work::sum, 1, 1);
              });
              expect_code(error, {errc::boot_failed, errc::timeout});
              expect(last_boot([](auto& boot) {
                       return !boot.is_booted;
                     }),
                     "it began all the same");
            });
  }

  void check_failing_boot() {
    on_pool("a program that is not there fails the boot with the cause",
            tampering::no_program,
            {.max = 1, .timeout = std::chrono::seconds{5}}, [&](pool& where) {
              auto error = failure_of([&] {
                call(where, work::sum, 1, 1);
              });
              expect_code(error, {errc::boot_failed, errc::timeout,
                                  errc::invalid_configuration});
              expect(std::string{error.what()}.find("flame-contract")
                       != std::string::npos,
                     std::string{"the call's error does not name the program: "}
                       + error.what());
            });
  }

  void check_parent_death() {
    current_ = "a runner ends when its parent is killed";
    victim parent{watched_.name};
    auto runner = parent.runner();
    if (!runner) {
      expect(false, "the second parent has booted no runner within 60 s");
      return;
    }
    auto process = open_process(*runner);
    if (!process) {
      expect(false, "its process cannot be seen from here");
      return;
    }
    parent.kill();
    if (!ends_within(process, 10'000)) {
      expect(false, "it was still there 10 s later");
      ::kill(*runner, SIGKILL);
    }
  }

  /// At the end, when whatever comes late has had its time.
  void check_books() {
    current_ = "a boot is answered once, and the end of its instance told once";
    ledger_->look([&](auto& all) {
      for (auto& each : all) {
        expect(each->answers == 1, "a boot was answered "
                                     + std::to_string(each->answers)
                                     + " times");
        expect(each->exits == (each->is_booted ? 1 : 0),
               "the end of instance " + each->id + " was told "
                 + std::to_string(each->exits) + " times");
      }
    });
  }

  node& self_;
  const backend_options watched_;
  const capabilities can_;
  const std::shared_ptr<boot_ledger> ledger_;
  std::vector<failure> failures_;
  std::string current_;
  std::size_t first_ = 0;
  int pools_ = 0;
};

} // namespace flame::testing
