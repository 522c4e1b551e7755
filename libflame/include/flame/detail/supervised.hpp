/// How the children of a supervisor are started.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include <caf/all.hpp>

#include "flame/call.hpp"
#include "flame/detail/child.hpp"
#include "flame/detail/export.hpp"
#include "flame/detail/operation.hpp"
#include "flame/error.hpp"
#include "flame/pool.hpp"

namespace flame {

/// What a start function has started.
struct started {
  /// The child's actor. Null: the child is not wanted at this time, which is no
  /// error; the supervisor has its specification and no actor.
  caf::actor child = {};

  /// What is told beside it to whoever asked for the start, see `child_info`.
  caf::message info = {};
};

} // namespace flame

namespace flame::detail {

/// The arguments of one child of a dynamic supervisor, of types that only its
/// start function knows. A value; copies share the arguments.
class start_args {
public:
  start_args() = default;

  template <class... Ts>
  static start_args of(const Ts&... args) {
    start_args result;
    if constexpr (sizeof...(Ts) > 0) {
      using tuple = std::tuple<wire_t<Ts>...>;
      result.values_ = std::make_shared<const tuple>(args...);
      result.type_ = &typeid(tuple);
    }
    return result;
  }

  /// The arguments, if they are a `Tuple`; else null.
  template <class Tuple>
  const Tuple* as() const {
    if constexpr (std::tuple_size_v<Tuple> == 0) {
      static const Tuple none;
      return values_ ? nullptr : &none;
    } else {
      return values_ && *type_ == typeid(Tuple)
               ? static_cast<const Tuple*>(values_.get())
               : nullptr;
    }
  }

private:
  std::shared_ptr<const void> values_;
  const std::type_info* type_ = nullptr;
};

/// One attempt to start a child, as its start function sees it. For the context
/// of the supervisor, in which it starts. Ends with one call of `done` or
/// `failed`, or with what is told to `report` or `completion`.
class FLAME_EXPORT start_attempt {
public:
  virtual ~start_attempt();

  virtual caf::event_based_actor* supervisor() const noexcept = 0;

  /// The child's actor is there, and its initialisation is still to come. Only
  /// while the attempt begins.
  virtual void made(const caf::actor& child) = 0;

  virtual void done(started what) = 0;

  virtual void failed(caf::error why) = 0;

  /// Where the child's initialisation reports from its own context.
  virtual std::shared_ptr<child_report> report() = 0;

  /// Where a placement reports.
  virtual std::unique_ptr<completion> placed() = 0;

  /// Fails with the exception that is being handled.
  void failed_with_current_exception();

  /// Fails, as `args` are not of these types.
  void failed_for_arguments(const std::type_info& wanted);
};

/// Starts the incarnations of a child. Const: it is used for each of them.
class FLAME_EXPORT starter {
public:
  virtual ~starter();

  virtual void start(start_attempt& attempt, const start_args& args) const = 0;

  virtual bool starts_supervisor() const noexcept;
};

/// Places a child that the supervisor watches. It ends with the supervisor,
/// which is told of its end by its monitor alone.
FLAME_EXPORT void place_supervised(start_attempt& attempt,
                                   const std::shared_ptr<pool_core>& pool,
                                   buffer request, call_options options);

/// Result and parameters of a function after its first one, by which actors and
/// start functions take their own actor. Nothing for a generic lambda.
template <class F>
struct start_signature {
  using rest = std::tuple<>;
};

template <class F>
  requires requires {
    &F::operator();
  }
struct start_signature<F> : start_signature<decltype(&F::operator())> {};

template <class R, class First, class... Rest>
struct start_signature<R (*)(First, Rest...)> {
  using result = R;
  using first = First;
  using rest = std::tuple<wire_t<Rest>...>;
};

template <class R, class C, class First, class... Rest>
struct start_signature<R (C::*)(First, Rest...) const>
  : start_signature<R (*)(First, Rest...)> {};

template <class R, class C, class First, class... Rest>
struct start_signature<R (C::*)(First, Rest...)>
  : start_signature<R (*)(First, Rest...)> {};

template <std::size_t Count, class Tuple>
struct drop_front {
  using type = Tuple;
};

template <std::size_t Count, class First, class... Rest>
  requires(Count > 0)
struct drop_front<Count, std::tuple<First, Rest...>>
  : drop_front<Count - 1, std::tuple<Rest...>> {};

/// The parameters of `F` that `Given` arguments leave open: those of a dynamic
/// supervisor's children.
template <class F, std::size_t Given>
using open_parameters =
  typename drop_front<Given, typename start_signature<F>::rest>::type;

template <class R>
concept start_result =
  std::same_as<R, caf::actor> || std::same_as<R, started> || std::same_as<
    R, caf::expected<caf::actor>> || std::same_as<R, caf::expected<started>>;

/// A function that runs in the supervisor's context and spawns an actor.
template <class F>
concept start_routine = requires {
  typename start_signature<F>::result;
}
&&start_result<typename start_signature<F>::result>&&
  std::same_as<typename start_signature<F>::first, caf::event_based_actor*>;

inline caf::expected<started> to_started(caf::actor child) {
  return started{std::move(child), {}};
}

inline caf::expected<started> to_started(started what) {
  return what;
}

inline caf::expected<started> to_started(caf::expected<started> what) {
  return what;
}

inline caf::expected<started> to_started(caf::expected<caf::actor> child) {
  if (!child)
    return std::move(child.error());
  return started{std::move(*child), {}};
}

/// Calls a start function.
template <class F>
class routine_starter final : public starter {
public:
  explicit routine_starter(F f) : f_(std::move(f)) {
    // nop
  }

  void start(start_attempt& attempt, const start_args& args) const override {
    using rest = open_parameters<F, 0>;
    auto* values = args.as<rest>();
    if (!values)
      return attempt.failed_for_arguments(typeid(rest));
    auto f = f_;
    auto what = std::apply(
      [&](auto... each) {
        return to_started(
          std::invoke(f, attempt.supervisor(), std::move(each)...));
      },
      *values);
    if (what)
      attempt.done(std::move(*what));
    else
      attempt.failed(std::move(what.error()));
  }

private:
  F f_;
};

/// Spawns a function-based actor beside the supervisor.
template <class F, class... Given>
class behavior_starter final : public starter {
  using actor = actor_of_function<F>;
  using behavior = typename actor::behavior_type;
  using rest = open_parameters<F, sizeof...(Given)>;
  using all_args = decltype(std::tuple_cat(
    std::declval<const std::tuple<Given...>&>(), std::declval<const rest&>()));

public:
  explicit behavior_starter(F f, Given... given)
    : f_(std::move(f)),
      given_(std::move(given)...) {
    // nop
  }

  void start(start_attempt& attempt, const start_args& args) const override {
    auto* values = args.as<rest>();
    if (!values)
      return attempt.failed_for_arguments(typeid(rest));
    auto job = std::make_shared<std::pair<F, all_args>>(
      f_, std::tuple_cat(given_, *values));
    auto made = attempt.supervisor()->system().spawn(
      [job, report = attempt.report()](actor* self) -> behavior {
        return initialise_child(self, *report, [&] {
          return init(self, job->first, job->second);
        });
      });
    attempt.made(caf::actor_cast<caf::actor>(made));
  }

private:
  static behavior init(actor* self, F& f, all_args& args) {
    return std::apply(
      [&](auto&... each) -> behavior {
        using result = decltype(std::invoke(f, self, std::move(each)...));
        if constexpr (std::is_void_v<result>) {
          std::invoke(f, self, std::move(each)...);
          return no_behavior<behavior>();
        } else {
          return std::invoke(f, self, std::move(each)...);
        }
      },
      args);
  }

  F f_;
  std::tuple<Given...> given_;
};

/// Spawns an actor of a class beside the supervisor, which runs its
/// constructor.
template <class A, class... Given>
class class_starter final : public starter {
public:
  explicit class_starter(Given... given) : given_(std::move(given)...) {
    // nop
  }

  void start(start_attempt& attempt, const start_args& args) const override {
    if (!args.as<std::tuple<>>())
      return attempt.failed_for_arguments(typeid(std::tuple<>));
    auto copies = given_;
    auto made = std::apply(
      [&](auto&... each) {
        return attempt.supervisor()->system().template spawn<placed_child<A>>(
          attempt.report(), std::move(each)...);
      },
      copies);
    attempt.made(caf::actor_cast<caf::actor>(made));
  }

private:
  std::tuple<Given...> given_;
};

/// Places a function-based actor on a runner.
template <class F, class Rest, class... Given>
class placed_behavior_starter;

template <class F, class... Rest, class... Given>
class placed_behavior_starter<F, std::tuple<Rest...>, Given...> final
  : public starter {
public:
  placed_behavior_starter(pool where, call_options options, F f, Given... given)
    : where_(std::move(where)),
      options_(options),
      f_(std::move(f)),
      given_(std::move(given)...) {
    // nop
  }

  void start(start_attempt& attempt, const start_args& args) const override {
    using code = behavior_thunk<F, Given..., Rest...>;
    auto* values = args.as<std::tuple<Rest...>>();
    if (!values)
      return attempt.failed_for_arguments(typeid(std::tuple<Rest...>));
    buffer request;
    open_request(request, code::registrar, *where_.core());
    writer to{request, context_of(*where_.core())};
    encode_callable<F>(to, f_);
    auto encode = [&](const auto&... each) {
      (encode_argument(to, each), ...);
    };
    std::apply(encode, given_);
    std::apply(encode, *values);
    place_supervised(attempt, where_.core(), std::move(request), options_);
  }

private:
  pool where_;
  call_options options_;
  F f_;
  std::tuple<Given...> given_;
};

/// Places an actor of a class on a runner.
template <class A, class... Given>
class placed_class_starter final : public starter {
public:
  placed_class_starter(pool where, call_options options, Given... given)
    : where_(std::move(where)),
      options_(options),
      given_(std::move(given)...) {
    // nop
  }

  void start(start_attempt& attempt, const start_args& args) const override {
    using code = class_thunk<A, Given...>;
    if (!args.as<std::tuple<>>())
      return attempt.failed_for_arguments(typeid(std::tuple<>));
    buffer request;
    open_request(request, code::registrar, *where_.core());
    writer to{request, context_of(*where_.core())};
    std::apply(
      [&](const auto&... each) {
        (encode_argument(to, each), ...);
      },
      given_);
    place_supervised(attempt, where_.core(), std::move(request), options_);
  }

private:
  pool where_;
  call_options options_;
  std::tuple<Given...> given_;
};

/// Says in words what is wrong with a function-based child, once per child. `F`
/// is decayed.
template <class F, class... Given, class... Rest>
constexpr void check_local_behavior(
  std::type_identity<std::tuple<Rest...>> /*open*/) {
  static_assert(
    std::is_invocable_v<F&, actor_of_function<F>*, Given..., Rest...>,
    "flame: the function does not take these arguments: after the "
    "pointer to its actor they arrive as values, so it takes each "
    "by value, by const reference or by rvalue reference");
}

template <class F>
constexpr void check_actor_function() {
  static_assert(
    actor_function<F>,
    "flame: a function-based child takes a pointer to its own actor first, "
    "`caf::event_based_actor*` or `caf::stateful_actor<...>*`, which `auto*` "
    "does not tell; or the `pointer` of a `caf::typed_actor<...>`");
}

template <class F, class... Given, class... Rest>
constexpr void check_placed_behavior(
  std::type_identity<std::tuple<Rest...>> /*open*/) {
  check_behavior<F, Given..., Rest...>();
}

} // namespace flame::detail
