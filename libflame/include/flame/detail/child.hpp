/// How an actor of the program is named, and spawned where its name arrives.
#pragma once

#include <concepts>
#include <memory>
#include <span>
#include <tuple>
#include <type_traits>
#include <vector>

#include <caf/all.hpp>

#include "flame/codec.hpp"
#include "flame/detail/export.hpp"
#include "flame/detail/function_thunk.hpp"
#include "flame/detail/thunk.hpp"

namespace flame::detail {

/// Tells whoever placed a child how its initialisation went, once.
/// Thread-safe.
class FLAME_EXPORT child_report {
public:
  virtual ~child_report();

  /// Called once the actor is there, before or after the others.
  virtual void made(const caf::actor& child) = 0;

  /// Called in the child's context, before it handles a message.
  virtual void started(caf::actor child) = 0;

  virtual void failed(caf::error why) = 0;

  /// Fails with the exception that is being handled.
  void failed_with_current_exception();
};

/// What the thunk of a child gets on the runner.
struct child_start {
  caf::actor_system& system;
  /// Callable and arguments, from `at` on.
  std::vector<char> request;
  std::size_t at = 0;
  std::shared_ptr<codec_context> handles;
  std::shared_ptr<child_report> report;

  reader in() const {
    return reader{std::as_bytes(std::span{request}).subspan(at), handles.get()};
  }
};

/// The entry of a thunk of kind `child`: spawns an actor, and runs nothing of
/// its code itself, nor of the code that decodes its arguments.
using child_entry = void (*)(child_start);

caf::actor handle_of(const caf::event_based_actor*);

template <class... Signatures>
caf::typed_actor<Signatures...> handle_of(
  const caf::typed_event_based_actor<Signatures...>*);

/// An actor that can be placed on a runner: dynamically or statically typed,
/// with or without state, and not a broker.
template <class Self>
concept placeable = requires(Self* self) {
  handle_of(self);
};

/// `caf::actor`, or the `caf::typed_actor` of a statically typed actor. Of what
/// cannot be placed, which is refused elsewhere, it is `caf::actor`.
template <class Self>
struct child_handle {
  using type = caf::actor;
};

template <placeable Self>
struct child_handle<Self> {
  using type = decltype(handle_of(std::declval<Self*>()));
};

template <class Behavior>
Behavior no_behavior() {
  if constexpr (std::is_same_v<Behavior, caf::behavior>)
    return {};
  else
    return Behavior::make_empty_behavior();
}

/// Runs an actor's initialisation, and says how it went.
template <class Self, class Init>
typename Self::behavior_type initialise_child(Self* self, child_report& report,
                                              Init init) {
  using behavior = typename Self::behavior_type;
  try {
    behavior result = init();
    report.started(
      caf::actor_cast<caf::actor>(caf::strong_actor_ptr{self->ctrl()}));
    return result;
  } catch (...) {
    report.failed_with_current_exception();
    self->quit(caf::exit_reason::unhandled_exception);
    return no_behavior<behavior>();
  }
}

/// An actor class whose initialisation is reported.
template <class A>
class placed_child final : public A {
public:
  template <class... Args>
  placed_child(caf::actor_config& cfg, std::shared_ptr<child_report> report,
               Args&&... args)
    : A(cfg, std::forward<Args>(args)...),
      report_(std::move(report)) {
    // nop
  }

protected:
  typename A::behavior_type make_behavior() override {
    return initialise_child(static_cast<A*>(this), *report_, [this] {
      return A::make_behavior();
    });
  }

private:
  std::shared_ptr<child_report> report_;
};

/// The pointer to itself that a function-based actor takes first.
template <class F>
struct first_argument {};

template <class F>
  requires requires {
    &F::operator();
  }
struct first_argument<F> : first_argument<decltype(&F::operator())> {};

template <class R, class First, class... Rest>
struct first_argument<R (*)(First, Rest...)> {
  using type = First;
};

template <class R, class C, class First, class... Rest>
struct first_argument<R (C::*)(First, Rest...) const> {
  using type = First;
};

template <class R, class C, class First, class... Rest>
struct first_argument<R (C::*)(First, Rest...)> {
  using type = First;
};

/// The actor that a function-based child is.
template <class F>
using actor_of_function =
  std::remove_pointer_t<typename first_argument<F>::type>;

template <class F>
concept actor_function = requires {
  typename first_argument<F>::type;
}
&&std::is_pointer_v<typename first_argument<F>::type>&&
  placeable<actor_of_function<F>>;

template <class F>
struct function_handle {
  using type = caf::actor;
};

template <actor_function F>
struct function_handle<F> : child_handle<actor_of_function<F>> {};

/// What a placed function may return. Not whatever converts to a behaviour:
/// `caf::behavior` takes anything, and fails inside.
template <class R, class Self>
concept behavior_result = std::same_as<R, typename Self::behavior_type> ||(
  std::same_as<
    caf::behavior,
    typename Self::
      behavior_type> && (std::is_void_v<R> || std::same_as<R, caf::message_handler>));

/// Says in words what is wrong with a function-based actor, once per placement.
/// `F` is decayed.
template <class F, class... Args>
constexpr void check_behavior() {
  static_assert(actor_function<F>,
                "flame: a placed function takes a pointer to its own actor "
                "first, `caf::event_based_actor*` or "
                "`caf::stateful_actor<...>*`, which `auto*` does not tell; or "
                "the `pointer` of a `caf::typed_actor<...>`");
  check_callable<F>();
  (check_argument<Args>(), ...);
  if constexpr (actor_function<F>) {
    using self_ptr = typename first_argument<F>::type;
    constexpr bool takes_them = std::is_invocable_v<F&, self_ptr, Args...>;
    static_assert(
      takes_them,
      "flame: the function does not take these arguments: after the pointer to "
      "its actor they arrive as values, so it takes each by value, by const "
      "reference or by rvalue reference");
    if constexpr (takes_them) {
      using result = std::invoke_result_t<F&, self_ptr, Args...>;
      static_assert(
        behavior_result<result, actor_of_function<F>>,
        "flame: a placed function returns its behaviour, or nothing");
    }
  }
}

/// Says in words what is wrong with an actor class, once per placement.
template <class A, class... Args>
constexpr void check_actor_class() {
  static_assert(placeable<A>,
                "flame: a placed actor is derived from caf::event_based_actor, "
                "or from the base of a caf::typed_actor");
  (check_argument<Args>(), ...);
  static_assert(
    std::is_constructible_v<A, caf::actor_config&, Args...>,
    "flame: the actor is not constructed from these arguments: after the "
    "`caf::actor_config&` they arrive as values, so its constructor takes each "
    "by value, by const reference or by rvalue reference");
}

/// The code that spawns the function-based actor `F`, and its registration.
template <class F, class... Args>
class behavior_thunk {
  using actor = actor_of_function<F>;
  using behavior = typename actor::behavior_type;

public:
  static void run(child_start what) {
    // CAF copies the function that it spawns.
    auto job = std::make_shared<const child_start>(std::move(what));
    auto made = job->system.spawn([job](actor* self) -> behavior {
      return initialise_child(self, *job->report, [&] {
        auto in = job->in();
        auto f = decode_callable<F>(in);
        std::tuple<Args...> args{decode<Args>(in)...};
        in.finish();
        return init(self, f, args);
      });
    });
    job->report->made(caf::actor_cast<caf::actor>(made));
  }

  static inline const thunk registrar{
    thunk_kind::child, reinterpret_cast<thunk_entry>(&run), false, typeid(F)};

private:
  static behavior init(actor* self, F& f, std::tuple<Args...>& args) {
    return std::apply(
      [&](auto&... each) -> behavior {
        using result = std::invoke_result_t<F&, actor*, Args...>;
        if constexpr (std::is_void_v<result>) {
          std::invoke(f, self, std::move(each)...);
          return no_behavior<behavior>();
        } else {
          return std::invoke(f, self, std::move(each)...);
        }
      },
      args);
  }
};

/// The code that spawns the actor class `A`, and its registration.
template <class A, class... Args>
class class_thunk {
public:
  static void run(child_start what) {
    auto job = std::make_shared<const child_start>(std::move(what));
    // A constructor runs where its actor is spawned: in an actor that ends
    // after that.
    job->system.spawn([job](caf::event_based_actor*) {
      try {
        auto in = job->in();
        std::tuple<Args...> args{decode<Args>(in)...};
        in.finish();
        job->report->made(construct(*job, args));
      } catch (...) {
        job->report->failed_with_current_exception();
      }
    });
  }

  static inline const thunk registrar{
    thunk_kind::child, reinterpret_cast<thunk_entry>(&run), false, typeid(A)};

private:
  static caf::actor construct(const child_start& job,
                              std::tuple<Args...>& args) {
    return std::apply(
      [&](auto&... each) -> caf::actor {
        return caf::actor_cast<caf::actor>(
          job.system.template spawn<placed_child<A>>(job.report,
                                                     std::move(each)...));
      },
      args);
  }
};

} // namespace flame::detail
