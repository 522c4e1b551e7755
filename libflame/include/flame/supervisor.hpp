/// Supervisors: actors that start, watch, restart and stop other actors, with
/// the semantics of OTP's supervisor.
///
///     auto top = flame::spawn_supervisor(system, {
///       .strategy = flame::strategy::rest_for_one,
///       .intensity = 3,
///       .period = 10s,
///       .children = {
///         {.id = "store", .start = flame::here(store, "/var/lib/app")},
///         {.id = "encoder", .start = flame::on(ffmpeg, encoder, 4),
///          .restart = flame::restart::transient, .shutdown = 30s},
///       }});
///
/// Children start from left to right, each once the initialisation of the one
/// before it has succeeded, and stop from right to left. A child that ends
/// without having been told to is restarted, alone or with others, as its
/// `restart` and the supervisor's `strategy` say; where that happens more than
/// `intensity` times within `period`, the supervisor stops all children and ends
/// with `restart_intensity`.
///
/// A supervisor never waits: while children start, restart or stop, however
/// often that fails, it answers. It is controlled by threads through
/// `supervisor`, by actors with the messages that are named here. Both are for
/// the process of the supervisor; on a runner, a placed actor can be one, see
/// `supervise`. docs/supervision.md says where this is not as in OTP.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <caf/all.hpp>

#include "flame/child_ref.hpp"
#include "flame/detail/export.hpp"
#include "flame/detail/supervised.hpp"
#include "flame/error.hpp"
#include "flame/options.hpp"

namespace flame::detail {

class child_places;

} // namespace flame::detail

namespace flame {

/// Which children are restarted when one has to be.
enum class strategy : unsigned char {
  /// That one.
  one_for_one,
  /// All: the others are stopped first.
  one_for_all,
  /// That one and those that were started after it.
  rest_for_one,
  /// That one; all children are made from one specification, while the
  /// supervisor runs (OTP's `simple_one_for_one`).
  dynamic,
};

/// `"one_for_one"` and so on.
FLAME_EXPORT const char* to_string(strategy value) noexcept;

/// Which end of a child is followed by a restart.
enum class restart : unsigned char {
  /// Each.
  permanent,
  /// One that was not orderly. Orderly are: the normal end; `user_shutdown`; and
  /// `restart_intensity`, the end of a supervisor that gave up.
  transient,
  /// None. When the child has ended, the supervisor forgets it.
  temporary,
};

/// Whether a supervisor ends when significant children have ended by
/// themselves and are not restarted.
enum class auto_shutdown : unsigned char {
  never,
  /// When one has.
  any_significant,
  /// When the last one has.
  all_significant,
};

enum class child_type : unsigned char {
  worker,
  supervisor,
};

/// As `child_spec::shutdown`: the child is killed at once.
inline constexpr duration brutal_kill = duration::min();

struct supervisor_options;

/// How a child is started. A value; it converts from
///
/// - a function-based actor without arguments,
///   `caf::behavior (caf::event_based_actor*)`;
/// - `here` and `on`, for arguments, actor classes and runners;
/// - `supervisor_options`: the child is a supervisor, and has started when its
///   children have;
/// - a start function, `(caf::event_based_actor* supervisor, args...)`, which runs
///   in the context of the supervisor, must not block, and returns
///   `caf::actor`, `started`, or a `caf::expected` of one of them. Its child is
///   taken for started as it is returned.
///
/// What it throws is why the child could not be started.
class FLAME_EXPORT start_function {
public:
  start_function() = default;

  template <detail::start_routine F>
  start_function(F f)
    : impl_(std::make_shared<detail::routine_starter<F>>(std::move(f))) {
    // nop
  }

  template <detail::actor_function F>
    requires(!detail::start_routine<F>)
  start_function(F f);

  start_function(supervisor_options nested);

  /// @private
  explicit start_function(std::shared_ptr<const detail::starter> impl)
    : impl_(std::move(impl)) {
    // nop
  }

  explicit operator bool() const noexcept {
    return impl_ != nullptr;
  }

  /// @private
  const std::shared_ptr<const detail::starter>& impl() const noexcept {
    return impl_;
  }

private:
  std::shared_ptr<const detail::starter> impl_;
};

/// A child: a function-based actor in this process, `behavior f(Self* self,
/// args...)`. Arguments that are not given here are those of `start_one`.
/// @param args copied for each incarnation
template <class F, class... Args>
  requires(!detail::placeable<F>)
start_function here(F&& f, const Args&... args) {
  using callable = std::decay_t<F>;
  detail::check_actor_function<callable>();
  using open = detail::open_parameters<callable, sizeof...(Args)>;
  detail::check_local_behavior<callable, detail::wire_t<Args>...>(
    std::type_identity<open>{});
  return start_function{std::make_shared<
    detail::behavior_starter<callable, detail::wire_t<Args>...>>(
    std::forward<F>(f), args...)};
}

/// A child: an actor of class `A` in this process, constructed with `args...`
/// in the supervisor's context.
template <class A, class... Args>
  requires detail::placeable<A> start_function here(const Args&... args) {
    return start_function{
      std::make_shared<detail::class_starter<A, detail::wire_t<Args>...>>(
        args...)};
  }

/// A child: a function-based actor on a runner of a pool, see `place_child`.
/// While the pool has no slot for it, the child is being started. When its
/// runner is lost, it is restarted on another one; however many children of a
/// supervisor are lost with one runner, that counts once against `intensity`.
/// @param options `timeout` is for the placement; the child always ends with its
///        supervisor, whatever `link` says
template <class F, class... Args>
  requires(!detail::placeable<F>)
start_function on(const pool& where, const call_options& options, F&& f,
                  const Args&... args) {
  using callable = std::decay_t<F>;
  detail::check_actor_function<callable>();
  using open = detail::open_parameters<callable, sizeof...(Args)>;
  detail::check_placed_behavior<callable, detail::wire_t<Args>...>(
    std::type_identity<open>{});
  return start_function{std::make_shared<
    detail::placed_behavior_starter<callable, open, detail::wire_t<Args>...>>(
    where, options, std::forward<F>(f), args...)};
}

/// @copydoc on
template <detail::not_options F, class... Args>
  requires(!detail::placeable<F>)
start_function on(const pool& where, F&& f, const Args&... args) {
  return on(where, call_options{}, std::forward<F>(f), args...);
}

/// A child: an actor of class `A` on a runner of a pool, constructed there with
/// `args...`.
/// @copydetails on
template <class A, class... Args>
  requires detail::placeable<A> start_function on(const pool& where,
                                                  const call_options& options,
                                                  const Args&... args) {
    detail::check_actor_class<A, detail::wire_t<Args>...>();
    return start_function{std::make_shared<
      detail::placed_class_starter<A, detail::wire_t<Args>...>>(where, options,
                                                                args...)};
  }

/// @copydoc on
template <class A, class... Args>
  requires detail::placeable<A> start_function on(const pool& where,
                                                  const Args&... args) {
    return on<A>(where, call_options{}, args...);
  }

/// What a supervisor knows about a child.
struct child_spec {
  /// The child's name in its supervisor. Not empty. Children of a `dynamic`
  /// supervisor are called `<id>-<number>`.
  std::string id = {};

  start_function start = {};

  flame::restart restart = flame::restart::permanent;

  /// Time that the child has to end when it is told to, by an `exit_msg` with
  /// `user_shutdown`; then it is killed. `infinite`, or `brutal_kill`. By default
  /// 5 s for workers and `infinite` for supervisors.
  ///
  /// CAF cannot interrupt a handler, so a killed child ends when the one that it
  /// is in returns. The supervisor waits for that, as two incarnations of a child
  /// must not be there at a time.
  std::optional<duration> shutdown = std::nullopt;

  /// See `auto_shutdown`. Only for children that are not permanent, and of a
  /// supervisor whose `auto_shutdown` is not `never`.
  bool significant = false;

  /// By default what `start` says: a supervisor if it was made from
  /// `supervisor_options`, a worker else.
  std::optional<child_type> type = std::nullopt;
};

/// What a supervisor is.
struct supervisor_options {
  /// How log lines call it.
  std::string name = "supervisor";

  flame::strategy strategy = flame::strategy::one_for_one;

  /// Most restarts within `period`: with one more, the supervisor stops all
  /// children and ends with `restart_intensity`. An attempt to restart that fails
  /// counts as another restart.
  std::size_t intensity = 1;

  /// More than 0.
  duration period = std::chrono::seconds{5};

  flame::auto_shutdown auto_shutdown = flame::auto_shutdown::never;

  /// Most children of a `dynamic` supervisor at a time, those that are being
  /// restarted included.
  std::size_t max_children = SIZE_MAX;

  /// Time between the end of a child and its restart, doubled with each
  /// restart that follows, up to `max_backoff`. 0: it is restarted at once.
  /// Restarts that are delayed count as others do: `intensity` and `period` have
  /// to leave room for them.
  duration min_backoff = duration{0};

  /// At least `min_backoff`.
  duration max_backoff = std::chrono::seconds{30};

  /// Each back-off is longer by a random part of it, up to this one, so that
  /// children that end together do not restart together. 0 to 1.
  double jitter = 0.2;

  /// A child that has run for this long starts again with `min_backoff`. By
  /// default `max_backoff`.
  std::optional<duration> backoff_reset = std::nullopt;

  /// Lowest level of what it logs, see `pool_options::log`.
  std::string log = "info";

  /// In the order in which they start. Of a `dynamic` supervisor exactly one:
  /// that from which the others are made.
  std::vector<child_spec> children = {};
};

/// The mistakes in the options, one in each line; empty if there is none.
FLAME_EXPORT std::string check(const supervisor_options& options);

enum class child_status : unsigned char {
  /// It has no actor, and none is wanted.
  stopped,
  /// It has no actor, and one will be started.
  restarting,
  starting,
  running,
  stopping,
};

/// `"stopped"` and so on.
FLAME_EXPORT const char* to_string(child_status value) noexcept;

/// A child at this moment.
struct child_info {
  std::string id;

  /// Its actor; null if it is `stopped` or `restarting`, or being started where
  /// its actor is not known yet.
  caf::actor handle;

  child_status status = child_status::stopped;

  child_type type = child_type::worker;

  /// The runner that it is on; empty if it is in the supervisor's process.
  std::string runner;

  /// What its start function told beside the actor.
  caf::message info;

  /// Times that it has been started again, ever.
  std::size_t restarts = 0;

  /// How long its present incarnation has been running; 0 if none is.
  duration age{0};
};

struct child_counts {
  /// Specifications. A `dynamic` supervisor has one.
  std::size_t specs = 0;
  /// Children that run.
  std::size_t active = 0;
  /// Children that are supervisors, whether they run or not.
  std::size_t supervisors = 0;
  /// The others.
  std::size_t workers = 0;
};

// Messages to a supervisor from actors of its process. Errors are those of the
// members of `supervisor` of the same name.

/// Answered with a `child_info`.
struct start_child {
  child_spec spec;
};

/// Answered with a `child_info`. See `one_more`.
struct start_one {
  detail::start_args args;
};

/// The message that starts a child of a `dynamic` supervisor with these
/// arguments.
template <class... Args>
start_one one_more(const Args&... args) {
  return {detail::start_args::of(args...)};
}

/// Answered with nothing.
struct terminate_child {
  /// Empty: the child with this actor.
  std::string id;
  caf::actor handle = {};
};

/// Answered with a `child_info`.
struct restart_child {
  std::string id;
};

/// Answered with nothing.
struct delete_child {
  std::string id;
};

/// Answered with a `std::vector<child_info>`.
struct which_children {};

/// Answered with `child_counts`.
struct count_children {};

/// Answered with a `child_spec`.
struct get_spec {
  std::string id;
};

/// Answered with nothing.
struct change_options {
  supervisor_options options;
};

/// A handle to a supervisor. Copies name the same one. Thread-safe.
///
/// All members but `handle` and `child` wait for the supervisor's answer and
/// must not be called inside an actor: on a thread of CAF's scheduler they fail
/// with `on_scheduler_thread`. If the supervisor has ended, they fail with
/// `supervisor_ended`.
class FLAME_EXPORT supervisor {
public:
  supervisor() = default;

  /// The supervisor whose actor this is, which is in this process.
  /// @throws call_error `wrong_strategy` if it is no supervisor
  explicit supervisor(caf::actor handle);

  /// @private
  supervisor(caf::actor handle, std::shared_ptr<detail::child_places> places);

  /// The supervisor's actor, for messages, monitors and links. A supervisor that
  /// neither another actor owns nor anybody refers to ends, and its children with
  /// it, as is usual with CAF.
  const caf::actor& handle() const noexcept {
    return handle_;
  }

  /// A child by its name, whichever incarnation. Does not wait.
  child_ref child(std::string id, child_ref_options options = {}) const;

  /// Adds a child, as the last one, and starts it.
  /// @returns `child_running` or `child_present` if there is one of this name;
  ///          `invalid_configuration`; `wrong_strategy` for a `dynamic`
  ///          supervisor; or why it could not be started: then it is not added
  caf::expected<child_info> start_child(child_spec spec) const;

  /// Starts a child of a `dynamic` supervisor.
  /// @param args what the start function takes beyond what it was given by `here`
  ///        or `on`: exactly of the types of its parameters
  /// @returns `too_many_children`, `wrong_strategy`, `bad_payload` if these are
  ///          not the arguments, or why it could not be started
  template <class... Args>
  caf::expected<child_info> start_one(const Args&... args) const {
    return start_with(detail::start_args::of(args...));
  }

  /// Stops a child, and waits until it has ended. Its specification stays, unless
  /// it is temporary or of a `dynamic` supervisor.
  /// @returns `child_not_found`
  caf::expected<void> terminate_child(std::string id) const;

  /// Stops the child of a `dynamic` supervisor with this actor.
  caf::expected<void> terminate_child(caf::actor handle) const;

  /// Starts a child that is stopped.
  /// @returns `child_not_found`, `child_running`, `child_restarting`,
  ///          `wrong_strategy` for a `dynamic` supervisor, or why it could not be
  ///          started
  caf::expected<child_info> restart_child(std::string id) const;

  /// Forgets a child that is stopped.
  /// @returns as `restart_child`
  caf::expected<void> delete_child(std::string id) const;

  /// The children, in the order in which they start; of a `dynamic` supervisor
  /// those that have been started.
  caf::expected<std::vector<child_info>> which_children() const;

  caf::expected<child_counts> count_children() const;

  /// The specification of a child, with its defaults filled in; of a `dynamic`
  /// supervisor that of all, by any name.
  /// @returns `child_not_found`
  caf::expected<child_spec> get_spec(std::string id) const;

  /// Replaces options and specifications while the supervisor runs. Children
  /// that run go on, and are restarted by the new specification of their name.
  /// New ones are added and not started; those that are not named stay as they
  /// are. The strategy can change, but not to or from `dynamic`.
  /// @returns `invalid_configuration`, `wrong_strategy`
  caf::expected<void> change_options(supervisor_options options) const;

  /// Stops all children from right to left, each with its `shutdown`, and the
  /// supervisor, and waits until it has ended. Nothing if it has.
  void shutdown() const;

  explicit operator bool() const noexcept {
    return handle_ != nullptr;
  }

  /// @private
  const std::shared_ptr<detail::child_places>& places() const noexcept {
    return places_;
  }

private:
  caf::expected<child_info> start_with(detail::start_args args) const;

  caf::actor handle_;
  std::shared_ptr<detail::child_places> places_;
};

/// Starts a supervisor and waits until its children have been started.
///
/// Must not be called inside an actor. The supervisor ends by `shutdown`, by an
/// exit message, or when nobody refers to it any more.
/// @throws call_error `invalid_configuration`; `child_failed` if a child could
///         not be started: then those that were have been stopped
[[nodiscard]] FLAME_EXPORT supervisor
spawn_supervisor(caf::actor_system& system, supervisor_options options);

/// Starts a supervisor that ends with `owner`: when that ends, for whatever
/// reason, it stops its children and ends. They are linked: if the supervisor
/// ends by itself, `owner` gets an exit message; so it does if a child cannot be
/// started at the beginning, with `child_failed`. Does not wait.
/// @throws call_error `invalid_configuration`
FLAME_EXPORT supervisor spawn_supervisor(caf::local_actor* owner,
                                         supervisor_options options);

/// Makes `self` a supervisor: what a function-based actor returns, which is one
/// then, on a runner for instance:
///
///     caf::behavior tree(caf::event_based_actor* self, int encoders) {
///       return flame::supervise(self, {.children = {...}});
///     }
///
///     {.id = "tree", .start = flame::on(pool, tree, 4),
///      .shutdown = flame::infinite, .type = flame::child_type::supervisor}
///
/// To its own supervisor it has started when `tree` has returned, and not when
/// its children have. It handles the messages above, exit and down messages, and
/// no others.
/// @throws call_error `invalid_configuration`
FLAME_EXPORT caf::behavior supervise(caf::event_based_actor* self,
                                     supervisor_options options);

template <detail::actor_function F>
  requires(!detail::start_routine<F>)
start_function::start_function(F f) : start_function(here(std::move(f))) {
  // nop
}

} // namespace flame

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flame::child_counts)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flame::child_info)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flame::child_spec)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<flame::child_info>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flame::start_child)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flame::start_one)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flame::terminate_child)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flame::restart_child)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flame::delete_child)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flame::which_children)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flame::count_children)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flame::get_spec)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flame::change_options)
