/// Supervisors whose messages and clock are the test's.
#pragma once

#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <caf/scheduler/test_coordinator.hpp>
#include <doctest/doctest.h>

#include "supervisor_actor.hpp"
#include "support/scheduler_config.hpp"

namespace tests {

using namespace std::chrono_literals;

using flame::child_spec;
using flame::errc;
using flame::restart;
using flame::strategy;
using flame::supervisor_options;

using end_atom = caf::atom_constant<caf::atom("end")>;
using trap_atom = caf::atom_constant<caf::atom("trap")>;
using get_atom = caf::atom_constant<caf::atom("get")>;
using link_atom = caf::atom_constant<caf::atom("link")>;

/// What children are to do, and what they did.
struct script {
  /// `+a`: a child has been initialised; `-a`: it has ended.
  std::string events;
  /// How many starts of a child are still to fail; negative: all.
  std::map<std::string, int> failures;
  /// Starts of a child, those that failed included.
  std::map<std::string, int> starts;
  /// The reason with which a child last ended.
  std::map<std::string, caf::error> reasons;

  void note(char what, const std::string& id) {
    events += what + id + ' ';
  }

  /// What has happened since the last time.
  std::string news() {
    auto result = std::exchange(events, {});
    if (!result.empty())
      result.pop_back();
    return result;
  }
};

inline caf::error other_reason() {
  return caf::error{7, caf::atom("tests")};
}

/// A child that does as it is told.
inline caf::behavior probe(caf::event_based_actor* self, script* log,
                           const std::string& id) {
  auto number = ++log->starts[id];
  if (auto& left = log->failures[id]; left != 0) {
    left -= left > 0;
    throw std::runtime_error(id + " cannot start");
  }
  log->note('+', id);
  self->attach_functor([=](const caf::error& reason) {
    log->note('-', id);
    log->reasons[id] = reason;
  });
  // An exception is an end here, and no text on standard error.
  self->set_exception_handler([](std::exception_ptr&) -> caf::error {
    return caf::exit_reason::unhandled_exception;
  });
  return {
    [=](end_atom, const caf::error& reason) {
      self->quit(reason);
    },
    // Ends with this reason when it is told to, or not at all.
    [=](trap_atom, const std::optional<caf::error>& reason) {
      self->set_exit_handler([=](const caf::exit_msg&) {
        if (reason)
          self->quit(*reason);
      });
    },
    [=](get_atom) {
      return number;
    },
    [=](link_atom, const caf::actor& whom) {
      self->link_to(whom);
    },
  };
}

/// A start that ends when the test says so, as that of a placed child does: in
/// the context of the supervisor.
class deferred_starter final : public flame::detail::starter {
public:
  class pending {
  public:
    explicit pending(flame::detail::start_attempt& attempt)
      : owner_(attempt.supervisor()->ctrl()),
        id_(attempt.supervisor()
              ->new_request_id(caf::message_priority::normal)
              .response_id()) {
      std::shared_ptr<flame::detail::completion> done = attempt.placed();
      attempt.supervisor()->add_multiplexed_response_handler(
        id_, caf::behavior{[done, result = result_](get_atom) {
          done->complete(std::move(*result));
        }});
    }

    void succeed(const caf::actor& child, const std::string& runner) {
      result_->child = child;
      result_->runner = runner;
      deliver();
    }

    void fail(errc code, const std::string& runner = {}) {
      result_->error = flame::call_error{code, "no", runner};
      result_->runner = runner;
      deliver();
    }

  private:
    void deliver() {
      if (auto owner = caf::actor_cast<caf::strong_actor_ptr>(owner_))
        owner->enqueue(nullptr, id_, caf::make_message(get_atom::value),
                       nullptr);
    }

    caf::weak_actor_ptr owner_;
    caf::message_id id_;
    std::shared_ptr<flame::detail::outcome> result_ =
      std::make_shared<flame::detail::outcome>();
  };

  explicit deferred_starter(std::vector<pending>& starts) : starts_(starts) {
    // nop
  }

  void start(flame::detail::start_attempt& attempt,
             const flame::detail::start_args&) const override {
    starts_.emplace_back(attempt);
  }

private:
  std::vector<pending>& starts_;
};

class world {
public:
  world()
    : scheduler(
      dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler())) {
    // nop
  }

  explicit world(supervisor_options options) : world() {
    begin(std::move(options));
  }

  ~world() {
    if (top)
      caf::anon_send_exit(top.handle(), caf::exit_reason::kill);
    for (auto& each : kept)
      caf::anon_send_exit(each, caf::exit_reason::kill);
    kept.clear();
    top = {};
    run();
  }

  world(const world&) = delete;
  world& operator=(const world&) = delete;

  void begin(supervisor_options options) {
    options.log = "off";
    ended = std::nullopt;
    top = flame::detail::spawn_supervisor_actor(system, std::move(options),
                                                nullptr, nullptr);
    top.handle()->attach_functor([this](const caf::error& reason) {
      ended = reason;
    });
    run();
  }

  /// A child that is a `probe`.
  child_spec spec(const std::string& id, restart how = restart::permanent) {
    return {.id = id,
            .start = flame::here(probe, &log, id),
            .restart = how,
            .shutdown = 1s};
  }

  std::vector<child_spec> specs(const std::vector<std::string>& ids,
                                restart how = restart::permanent) {
    std::vector<child_spec> result;
    for (auto& id : ids)
      result.push_back(spec(id, how));
    return result;
  }

  void run() {
    // What never comes to rest is a failure, and no endless test.
    constexpr std::size_t bound = 1'000'000;
    REQUIRE(scheduler.run(bound) < bound);
  }

  void pass(std::chrono::nanoseconds time) {
    scheduler.advance_time(time);
    run();
  }

  template <class R, class Request>
  caf::expected<R> ask_of(const caf::actor& whom, Request what) {
    caf::scoped_actor self{system};
    auto response = self->request(whom, caf::infinite, std::move(what));
    run();
    REQUIRE_MESSAGE(self->has_next_message(), "there is no answer");
    caf::expected<R> result{caf::sec::unexpected_message};
    auto on_error = [&](caf::error& why) {
      result = std::move(why);
    };
    if constexpr (std::is_void_v<R>)
      response.receive(
        [&] {
          result = caf::expected<void>{caf::unit};
        },
        on_error);
    else
      response.receive(
        [&](R& value) {
          result = std::move(value);
        },
        on_error);
    return result;
  }

  template <class R, class Request>
  caf::expected<R> ask(Request what) {
    return ask_of<R>(top.handle(), std::move(what));
  }

  std::vector<flame::child_info> which() {
    return which_of(top.handle());
  }

  std::vector<flame::child_info> which_of(const caf::actor& whom) {
    auto result =
      ask_of<std::vector<flame::child_info>>(whom, flame::which_children{});
    REQUIRE(result);
    return *result;
  }

  /// Names and states, e.g. "a running, b stopped".
  std::string states() {
    std::string result;
    for (auto& each : which())
      result += (result.empty() ? "" : ", ") + each.id + ' '
                + flame::to_string(each.status);
    return result;
  }

  /// Specifications, active, supervisors, workers.
  std::vector<std::size_t> counts() {
    return counts_of(top.handle());
  }

  std::vector<std::size_t> counts_of(const caf::actor& whom) {
    auto all = ask_of<flame::child_counts>(whom, flame::count_children{});
    REQUIRE(all);
    return {all->specs, all->active, all->supervisors, all->workers};
  }

  caf::actor handle_in(const caf::actor& whom, const std::string& id) {
    for (auto& each : which_of(whom))
      if (each.id == id)
        return each.handle;
    FAIL("there is no child " << id);
    return nullptr;
  }

  caf::actor handle(const std::string& id) {
    return handle_in(top.handle(), id);
  }

  caf::expected<flame::child_info> start(child_spec what) {
    return ask<flame::child_info>(flame::start_child{std::move(what)});
  }

  template <class... Args>
  caf::expected<flame::child_info> start_one(const Args&... args) {
    return ask<flame::child_info>(flame::one_more(args...));
  }

  caf::expected<void> terminate(const std::string& id) {
    return ask<void>(flame::terminate_child{id});
  }

  caf::expected<flame::child_info> restart_child(const std::string& id) {
    return ask<flame::child_info>(flame::restart_child{id});
  }

  caf::expected<void> remove(const std::string& id) {
    return ask<void>(flame::delete_child{id});
  }

  /// A child ends by itself.
  void end(const caf::actor& child, const caf::error& reason) {
    caf::anon_send(child, end_atom::value, reason);
    run();
  }

  void end(const std::string& id, const caf::error& reason = other_reason()) {
    end(handle(id), reason);
  }

  void kill(const std::string& id) {
    caf::anon_send_exit(handle(id), caf::exit_reason::kill);
    run();
  }

  /// The supervisor is told to end.
  void shut_down() {
    caf::anon_send_exit(top.handle(), caf::exit_reason::user_shutdown);
    run();
  }

  /// Whether the supervisor has ended with this reason.
  template <class Reason>
  bool ended_with(Reason reason) const {
    return ended && *ended == reason;
  }

  script log;

private:
  manual_scheduling config_;

public:
  caf::actor_system system{config_};
  caf::scheduler::test_coordinator& scheduler;
  flame::supervisor top;
  /// The reason with which it ended, if it has.
  std::optional<caf::error> ended;
  /// Other actors, which end with the test.
  std::vector<caf::actor> kept;
};

} // namespace tests

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::optional<caf::error>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tests::script*)
