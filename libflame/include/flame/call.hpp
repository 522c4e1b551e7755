/// Calls: a function of this program, run on a runner of a pool.
///
///     auto times = [](int a, int b) { return a * b; };
///     int answer = flame::call(pool, times, 6, 7);
///
/// What can be called, and how it travels:
///
/// - a lambda without captures; one whose captures are plain values (numbers,
///   enums, arrays and aggregates of them), which travel as bytes; a function;
///   an object of a class with an `inspect` function;
/// - arguments and result are anything that `flame/codec.hpp` lists. They
///   arrive as values. What cannot travel is an error of the compiler that says
///   so in words;
/// - a function that takes a `std::stop_token` first gets one that is set when
///   the call is cancelled or times out, when its caller ends, or when the
///   runner is drained.
///
/// A value that stands for something local - a descriptor, an index into a
/// global table - travels as the number it is, and globals that the function
/// uses are those of the runner.
///
/// A call runs at most once. It fails with a `call_error`, see
/// `flame/error.hpp` for the codes; an exception that the function throws
/// arrives as `errc::remote_exception`, with its type and its `what()`.
///
/// All functions here are thread-safe.
#pragma once

#include <future>
#include <memory>
#include <utility>

#include <caf/expected.hpp>
#include <caf/scheduled_actor.hpp>

#include "flame/detail/function_thunk.hpp"
#include "flame/detail/named_call.hpp"
#include "flame/detail/operation.hpp"
#include "flame/error.hpp"
#include "flame/options.hpp"
#include "flame/pool.hpp"
#include "flame/track.hpp"

namespace flame::detail {

template <class F>
concept not_options = !std::same_as<std::remove_cvref_t<F>, call_options>;

template <class F, class... Args>
using result_of =
  typename call_traits<std::decay_t<F>, wire_t<Args>...>::result;

template <class Arg>
void encode_argument(writer& to, const Arg& arg) {
  if constexpr (std::same_as<wire_t<Arg>, Arg>)
    encode<Arg>(to, arg);
  else
    encode<wire_t<Arg>>(to, wire_t<Arg>(arg));
}

/// A request for a function by its name. Arguments travel as what the function
/// takes: the other build knows nothing of what this one passes.
template <auto Function, class... Args>
void write_named_request(buffer& out, const pool& where, fn_t<Function>,
                         const Args&... args) {
  open_request(out, function_name<Function>::registrar, *where.core());
  writer to{out, context_of(*where.core())};
  named_call<Function>::encode_arguments(to, args...);
}

template <class F, class... Args>
void write_request(buffer& out, const pool& where, const F& f,
                   const Args&... args) {
  using callable = std::decay_t<F>;
  check_call<callable, wire_t<Args>...>();
  if constexpr (named_callable<callable>)
    if (calls_by_name(*where.core()))
      return write_named_request(out, where, f, args...);
  open_request(out, function_thunk<callable, wire_t<Args>...>::registrar,
               *where.core());
  writer to{out, context_of(*where.core())};
  encode_callable<callable>(to, f);
  (encode_argument<std::remove_cvref_t<Args>>(to, args), ...);
}

/// The value in an outcome; throws the error instead if there is one.
template <class R>
R value_of(outcome& result) {
  if (result.error)
    throw std::move(*result.error);
  reader in{result.body(), result.context.get()};
  if constexpr (std::is_void_v<R>) {
    in.finish();
  } else {
    auto value = decode<R>(in);
    in.finish();
    track_result(result, value);
    return value;
  }
}

template <class R>
class promise_completion final : public completion {
public:
  std::future<R> future() {
    return promise_.get_future();
  }

  void complete(outcome&& result) override {
    try {
      if constexpr (std::is_void_v<R>) {
        value_of<R>(result);
        promise_.set_value();
      } else {
        promise_.set_value(value_of<R>(result));
      }
    } catch (...) {
      promise_.set_exception(std::current_exception());
    }
  }

private:
  std::promise<R> promise_;
};

template <class OnError>
void hand_over(OnError& on_error, const call_error& error) {
  if constexpr (std::is_invocable_v<OnError&, const call_error&>) {
    on_error(error);
  } else {
    auto value = error.to_error();
    on_error(value);
  }
}

template <class R, class OnValue, class OnError>
class actor_completion final : public completion {
public:
  actor_completion(OnValue on_value, OnError on_error)
    : on_value_(std::move(on_value)),
      on_error_(std::move(on_error)) {
    // nop
  }

  void complete(outcome&& result) override {
    if (result.error)
      return hand_over(on_error_, *result.error);
    if constexpr (std::is_void_v<R>) {
      if (auto problem = decoded(result, [](outcome& from) {
            value_of<R>(from);
          }))
        return hand_over(on_error_, *problem);
      on_value_();
    } else {
      std::optional<R> value;
      if (auto problem = decoded(result, [&](outcome& from) {
            value.emplace(value_of<R>(from));
          }))
        return hand_over(on_error_, *problem);
      on_value_(std::move(*value));
    }
  }

private:
  /// Tells an answer that does not decode from a handler that throws.
  template <class Step>
  static std::optional<call_error> decoded(outcome& from, Step step) {
    try {
      step(from);
      return std::nullopt;
    } catch (const call_error& error) {
      return error;
    }
  }

  OnValue on_value_;
  OnError on_error_;
};

} // namespace flame::detail

namespace flame {

/// Runs `f(args...)` on a runner of `where`, and waits for the result on this
/// thread.
///
/// @param options what differs from the pool's settings
/// @returns what `f` returns, by value
/// @throws call_error also `on_scheduler_thread`, inside an actor that is not
///         detached: there, use the form that takes `self`
template <class F, class... Args>
detail::result_of<F, Args...> call(const pool& where,
                                   const call_options& options, F&& f,
                                   Args&&... args) {
  detail::request_scope request;
  detail::write_request(request.bytes(), where, f, args...);
  using value = detail::result_of<F, Args...>;
  auto result = detail::call_blocking(*where.core(), request.bytes(),
                                      detail::options_for<value>(options));
  return detail::value_of<value>(result);
}

/// @copydoc call
template <detail::not_options F, class... Args>
detail::result_of<F, Args...> call(const pool& where, F&& f, Args&&... args) {
  return call(where, call_options{}, std::forward<F>(f),
              std::forward<Args>(args)...);
}

/// Like `call`, with the failure as a value instead of an exception.
template <class F, class... Args>
caf::expected<detail::result_of<F, Args...>> try_call(
  const pool& where, const call_options& options, F&& f, Args&&... args) {
  try {
    if constexpr (std::is_void_v<detail::result_of<F, Args...>>) {
      call(where, options, std::forward<F>(f), std::forward<Args>(args)...);
      return caf::unit;
    } else {
      return call(where, options, std::forward<F>(f),
                  std::forward<Args>(args)...);
    }
  } catch (const call_error& error) {
    return error.to_error();
  }
}

/// @copydoc try_call
template <detail::not_options F, class... Args>
caf::expected<detail::result_of<F, Args...>> try_call(const pool& where, F&& f,
                                                      Args&&... args) {
  return try_call(where, call_options{}, std::forward<F>(f),
                  std::forward<Args>(args)...);
}

/// Like `call`, but returns at once. Dropping the future does not cancel.
template <class F, class... Args>
std::future<detail::result_of<F, Args...>> async(const pool& where,
                                                 const call_options& options,
                                                 F&& f, Args&&... args) {
  detail::buffer request;
  detail::write_request(request, where, f, args...);
  using value = detail::result_of<F, Args...>;
  auto done = std::make_unique<detail::promise_completion<value>>();
  auto result = done->future();
  detail::call_async(where.core(), std::move(request),
                     detail::options_for<value>(options), std::move(done));
  return result;
}

/// @copydoc async
template <detail::not_options F, class... Args>
std::future<detail::result_of<F, Args...>> async(const pool& where, F&& f,
                                                 Args&&... args) {
  return async(where, call_options{}, std::forward<F>(f),
               std::forward<Args>(args)...);
}

/// Runs `f(args...)` on a runner of `where` and does not wait: what it returns
/// is dropped, a failure is logged, and told to `pool_options::on_cast_error`.
template <class F, class... Args>
void cast(const pool& where, const call_options& options, F&& f,
          Args&&... args) {
  detail::buffer request;
  detail::write_request(request, where, f, args...);
  detail::cast(where.core(), std::move(request), options);
}

/// @copydoc cast
template <detail::not_options F, class... Args>
void cast(const pool& where, F&& f, Args&&... args) {
  cast(where, call_options{}, std::forward<F>(f), std::forward<Args>(args)...);
}

/// Runs `f(args...)` on a runner of `where` for an actor, and does not wait.
///
/// The cast is linked to the actor: if the actor ends, however it does, the
/// function is asked to stop; if the function fails, the actor gets an
/// `exit_msg` without a source, whose reason is the `call_error::to_error`: it
/// ends with that reason unless it has an exit handler. With `options.link`
/// false they do not concern each other. A failure is logged in both cases.
/// Must be called in the actor's context.
/// @throws call_error `message_too_large`
template <class F, class... Args>
void cast(caf::scheduled_actor* self, const pool& where,
          const call_options& options, F&& f, Args&&... args) {
  detail::buffer request;
  detail::write_request(request, where, f, args...);
  detail::cast_for_actor(self, where.core(), std::move(request), options);
}

/// @copydoc cast
template <detail::not_options F, class... Args>
void cast(caf::scheduled_actor* self, const pool& where, F&& f,
          Args&&... args) {
  cast(self, where, call_options{}, std::forward<F>(f),
       std::forward<Args>(args)...);
}

/// A call that an actor is about to make, see `call(self, ...)`. It is made by
/// `then` or `await`, once.
template <class R>
class [[nodiscard]] actor_call {
public:
  /// @private
  actor_call(caf::scheduled_actor* self, pool where, call_options options,
             detail::buffer request)
    : self_(self),
      where_(std::move(where)),
      options_(options),
      request_(std::move(request)) {
    // nop
  }

  /// Makes the call. The actor handles other messages meanwhile.
  /// @param on_value called with the result, in the actor's context
  /// @param on_error called there with a `const call_error&` or a
  ///        `caf::error&`, whichever it takes
  template <class OnValue, class OnError>
  void then(OnValue on_value, OnError on_error) && {
    start(std::move(on_value), std::move(on_error), false);
  }

  /// Makes the call; an error ends the actor, as with CAF's own requests.
  template <class OnValue>
  void then(OnValue on_value) && {
    start(std::move(on_value), quit_with_error(), false);
  }

  /// Makes the call. The actor handles nothing else until it has the outcome.
  template <class OnValue, class OnError>
  void await(OnValue on_value, OnError on_error) && {
    start(std::move(on_value), std::move(on_error), true);
  }

  /// @copydoc await
  template <class OnValue>
  void await(OnValue on_value) && {
    start(std::move(on_value), quit_with_error(), true);
  }

private:
  auto quit_with_error() const {
    return [self = self_](caf::error& error) {
      self->quit(std::move(error));
    };
  }

  template <class OnValue, class OnError>
  void start(OnValue on_value, OnError on_error, bool awaits) {
    using completion = detail::actor_completion<R, OnValue, OnError>;
    detail::call_for_actor(
      self_, where_.core(), std::move(request_),
      detail::options_for<R>(options_),
      std::make_unique<completion>(std::move(on_value), std::move(on_error)),
      awaits);
  }

  caf::scheduled_actor* self_;
  pool where_;
  call_options options_;
  detail::buffer request_;
};

/// Runs `f(args...)` on a runner of `where` for an actor, without blocking it.
///
///     flame::call(self, pool, resize, image).then(
///       [=](const image& small) { ... },
///       [=](const flame::call_error& error) { ... });
///
/// The call is linked to the actor: if it ends, the call is cancelled, unless
/// `options.link` is false. Must be called in the actor's context.
/// @throws call_error `unknown_function`, for what the pool's runners could not
///         find; `message_too_large`, from `then` and `await`
template <class F, class... Args>
actor_call<detail::result_of<F, Args...>> call(caf::scheduled_actor* self,
                                               const pool& where,
                                               const call_options& options,
                                               F&& f, Args&&... args) {
  detail::buffer request;
  detail::write_request(request, where, f, args...);
  return {self, where, options, std::move(request)};
}

/// @copydoc call
template <detail::not_options F, class... Args>
actor_call<detail::result_of<F, Args...>> call(caf::scheduled_actor* self,
                                               const pool& where, F&& f,
                                               Args&&... args) {
  return call(self, where, call_options{}, std::forward<F>(f),
              std::forward<Args>(args)...);
}

} // namespace flame
