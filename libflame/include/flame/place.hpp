/// Children: actors of this program, placed on a runner of a pool.
///
///     caf::behavior counter(caf::event_based_actor* self, int start);
///
///     flame::place_child(self, pool, counter, 40).then(
///       [=](const caf::actor& child) { ... },
///       [=](const flame::call_error& error) { ... });
///
/// The handle arrives once the child's initialisation has succeeded: the
/// function has returned its behaviour, or the class's `make_behavior` has. If
/// it throws, that is the error.
///
/// A child holds a slot of its runner until it ends, and keeps the runner from
/// being let go. Where the actor is statically typed, so is the handle. It is
/// linked to the actor that placed it, unless
/// `call_options::link` is false: whichever ends first, the other gets CAF's
/// `exit_msg` with the reason, from the moment at which it has the handle; a
/// caller that ends normally takes its children along too. The pool keeps this
/// link, not CAF, so `unlink_from` does not undo it. It keeps neither of them: as
/// always with CAF, an actor that nobody refers to ends, and its linked
/// children with it. When its runner is lost,
/// the reason is `remote_link_unreachable`, and whoever else monitors the child
/// or is linked to it is told by CAF. It is an ordinary
/// actor otherwise: it talks with actors of the parent and of its own node, and
/// its messages need CAF's type ids.
#pragma once

#include <utility>

#include <caf/actor.hpp>
#include <caf/scheduled_actor.hpp>

#include "flame/call.hpp"
#include "flame/detail/child.hpp"

namespace flame::detail {

/// Places a child; `done` gets its handle in the context of `self`.
FLAME_EXPORT void place_for_actor(caf::scheduled_actor* self,
                                  const std::shared_ptr<pool_core>& pool,
                                  buffer request, const call_options& options,
                                  std::unique_ptr<completion> done,
                                  bool awaits);

/// Tells `place_child<A>(...)` from a placement whose function is deduced.
template <class A>
concept actor_class = placeable<A>;

template <class Handle, class OnValue, class OnError>
class child_completion final : public completion {
public:
  child_completion(OnValue on_value, OnError on_error)
    : on_value_(std::move(on_value)),
      on_error_(std::move(on_error)) {
    // nop
  }

  void complete(outcome&& result) override {
    if (result.error)
      return hand_over(on_error_, *result.error);
    // Not before: a child that cannot start is an error of its caller, and
    // does not take it along.
    if (result.link)
      result.link();
    on_value_(caf::actor_cast<Handle>(result.child));
  }

private:
  OnValue on_value_;
  OnError on_error_;
};

} // namespace flame::detail

namespace flame {

/// A child that an actor is about to place, see `place_child`. It is placed by
/// `then` or `await`, once.
/// @tparam Handle `caf::actor`, or a `caf::typed_actor`
template <class Handle = caf::actor>
class [[nodiscard]] pending_child {
public:
  /// @private
  pending_child(caf::scheduled_actor* self, pool where, call_options options,
                detail::buffer request)
    : self_(self),
      where_(std::move(where)),
      options_(options),
      request_(std::move(request)) {
    // nop
  }

  /// Places the child. The actor handles other messages meanwhile.
  /// @param on_child called with a `const Handle&`, in the actor's context
  /// @param on_error called there with a `const call_error&` or a
  ///        `caf::error&`, whichever it takes
  template <class OnChild, class OnError>
  void then(OnChild on_child, OnError on_error) && {
    start(std::move(on_child), std::move(on_error), false);
  }

  /// Places the child. The actor handles nothing else until it has the handle
  /// or the error.
  template <class OnChild, class OnError>
  void await(OnChild on_child, OnError on_error) && {
    start(std::move(on_child), std::move(on_error), true);
  }

private:
  template <class OnChild, class OnError>
  void start(OnChild on_child, OnError on_error, bool awaits) {
    using completion = detail::child_completion<Handle, OnChild, OnError>;
    detail::place_for_actor(
      self_, where_.core(), std::move(request_), options_,
      std::make_unique<completion>(std::move(on_child), std::move(on_error)),
      awaits);
  }

  caf::scheduled_actor* self_;
  pool where_;
  call_options options_;
  detail::buffer request_;
};

/// Places a function-based actor: `behavior f(Self* self, args...)`, where
/// `Self` is `caf::event_based_actor`, the base of a `caf::typed_actor`, or a
/// `caf::stateful_actor` of one of them.
///
/// Must be called in the context of `self`.
/// @param options `timeout` is for the placement: queue, boot, initialisation
/// @throws call_error `unknown_function`, on a pool with
///         `allow_different_builds`: children have no names
template <class F, class... Args>
  requires(!detail::actor_class<F>)
pending_child<typename detail::function_handle<std::decay_t<F>>::type>
place_child(caf::scheduled_actor* self, const pool& where,
            const call_options& options, F&& f, const Args&... args) {
  using callable = std::decay_t<F>;
  detail::check_behavior<callable, detail::wire_t<Args>...>();
  using code = detail::behavior_thunk<callable, detail::wire_t<Args>...>;
  detail::buffer request;
  detail::open_request(request, code::registrar, *where.core());
  detail::writer to{request, detail::context_of(*where.core())};
  detail::encode_callable<callable>(to, f);
  (detail::encode_argument(to, args), ...);
  return {self, where, options, std::move(request)};
}

/// @copydoc place_child
template <detail::not_options F, class... Args>
  requires(!detail::actor_class<F>)
pending_child<typename detail::function_handle<std::decay_t<F>>::type>
place_child(caf::scheduled_actor* self, const pool& where, F&& f,
            const Args&... args) {
  return place_child(self, where, call_options{}, std::forward<F>(f), args...);
}

/// Places an actor of class `A`, which is derived from
/// `caf::event_based_actor` or the base of a `caf::typed_actor`, and constructed
/// with `args...`.
///
///     flame::place_child<counter>(self, pool, 40)
///
/// @copydetails place_child
template <class A, class... Args>
pending_child<typename detail::child_handle<A>::type> place_child(
  caf::scheduled_actor* self, const pool& where, const call_options& options,
  const Args&... args) {
  detail::check_actor_class<A, detail::wire_t<Args>...>();
  using code = detail::class_thunk<A, detail::wire_t<Args>...>;
  detail::buffer request;
  detail::open_request(request, code::registrar, *where.core());
  detail::writer to{request, detail::context_of(*where.core())};
  (detail::encode_argument(to, args), ...);
  return {self, where, options, std::move(request)};
}

/// @copydoc place_child
template <detail::actor_class A, class... Args>
pending_child<typename detail::child_handle<A>::type> place_child(
  caf::scheduled_actor* self, const pool& where, const Args&... args) {
  return place_child<A>(self, where, call_options{}, args...);
}

} // namespace flame
