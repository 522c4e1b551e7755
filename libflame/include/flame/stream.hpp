/// Streams: a function on a runner that sends items while it runs, takes items
/// from its caller, or both.
///
///     auto squares = flame::stream(pool, [](flame::emitter<int>& out, int n) {
///       for (int i = 0; i < n; ++i)
///         out(i * i);
///     }, 10);
///     for (int square : squares)
///       std::cout << square << ' ';
///
/// Items travel on the lane of the call, whose socket is the back-pressure: a
/// consumer that does not read stops the producer, and neither parent nor runner
/// holds more than what is in the socket. Leaving a stream early, by destroying
/// it, stops the function: its next `emitter` or `source` call throws. What it
/// throws arrives after the items before it.
///
/// The function's parameters are `[std::stop_token,] [emitter<T>&,]
/// [source<U>&,] args...`, written out (no `auto`). `options.timeout` is for the
/// whole stream, from here to its end: give `flame::infinite` to one that has
/// none. An item is at most `max_message` long.
///
/// In an actor, items arrive as calls of a function, and the actor sends items
/// without waiting:
///
///     flame::stream(self, pool, thumbnails, video).then(
///       [=](const image& frame) { ... },
///       [=](int count) { ... },
///       [=](const flame::call_error& error) { ... });
#pragma once

#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include "flame/call.hpp"
#include "flame/detail/item_iterator.hpp"
#include "flame/detail/stream_thunk.hpp"

namespace flame {

/// Where a function on a runner puts its items. For one thread at a time, beside
/// another one that reads the `source`, and until the function returns.
template <class T>
class emitter {
public:
  /// @private
  explicit emitter(detail::item_channel& to) : to_(to) {
    // nop
  }

  emitter(const emitter&) = delete;
  emitter& operator=(const emitter&) = delete;

  /// Sends an item; waits while the caller does not take it.
  /// @throws call_error `cancelled` when the caller has left the stream, its
  ///         time is up, or the runner is drained: let it through, the function
  ///         is to end; `message_too_large`
  void operator()(const T& item) {
    to_.open(item_);
    detail::writer out{item_, to_.context()};
    detail::encode<T>(out, item);
    to_.send(item_);
    item_.shrink(detail::kept_request);
  }

private:
  detail::item_channel& to_;
  detail::buffer item_;
};

namespace detail {

template <class T>
T item_from(std::span<const std::byte> body, codec_context* context) {
  reader in{body, context};
  auto item = decode<T>(in);
  in.finish();
  return item;
}

} // namespace detail

/// Where a function on a runner gets the items of its caller from: a range that
/// is read once. For one thread at a time, beside another one that uses the
/// `emitter`, and until the function returns.
template <class T>
class source {
public:
  /// @private
  source(detail::item_channel& from, bool is_used) : from_(from) {
    if (is_used)
      from_.expect_input();
  }

  source(const source&) = delete;
  source& operator=(const source&) = delete;

  /// Waits for the next item; nothing after the last.
  /// @throws call_error `cancelled` as `emitter` does, `bad_payload`
  std::optional<T> next() {
    auto body = from_.receive();
    if (!body)
      return std::nullopt;
    return detail::item_from<T>(*body, from_.context());
  }

  auto begin() {
    return detail::item_iterator<source, T>{*this};
  }

  std::default_sentinel_t end() const {
    return {};
  }

private:
  detail::item_channel& from_;
};

/// A stream, seen by the thread that has started it: a range of the items that
/// the function sends, which is read once.
///
/// @tparam Out what the function sends, `void` for nothing
/// @tparam In what it takes, `void` for nothing
/// @tparam R what it returns
///
/// `send` and `end_input` may be called by one thread while another one reads.
/// Otherwise not thread-safe. All members throw `call_error`.
template <class Out, class In, class R>
class [[nodiscard]] stream_handle {
public:
  /// @private
  explicit stream_handle(std::unique_ptr<detail::item_stream> what)
    : what_(std::move(what)) {
    // nop
  }

  /// Waits for the next item; nothing when the function has returned.
  std::optional<detail::non_void<Out>> next() requires(!std::is_void_v<Out>) {
    auto body = what_->next();
    if (!body)
      return std::nullopt;
    return detail::item_from<Out>(*body, what_->context());
  }

  auto begin() requires(!std::is_void_v<Out>) {
    return detail::item_iterator<stream_handle, Out>{*this};
  }

  std::default_sentinel_t end() const {
    return {};
  }

  /// Sends an item to the function; waits while it does not take it.
  /// @returns false if it takes no more, as it has ended
  bool send(const detail::non_void<In>& item) requires(!std::is_void_v<In>) {
    what_->open(item_);
    detail::writer out{item_, what_->context()};
    detail::encode<In>(out, item);
    auto result = what_->send(item_);
    item_.shrink(detail::kept_request);
    return result;
  }

  /// Tells the function that no item will follow.
  void end_input() requires(!std::is_void_v<In>) {
    what_->end_input();
  }

  /// Waits for the end of the function, dropping items that have not been read.
  /// Ends its input first.
  /// @returns what it returns
  R result() {
    if constexpr (!std::is_void_v<In>)
      what_->end_input();
    while (what_->next())
      continue;
    auto& outcome = what_->result();
    detail::reader in{outcome.body(), outcome.context.get()};
    if constexpr (std::is_void_v<R>) {
      in.finish();
    } else {
      auto value = detail::decode<R>(in);
      in.finish();
      return value;
    }
  }

private:
  std::unique_ptr<detail::item_stream> what_;
  detail::buffer item_;
};

namespace detail {

template <class F, class... Args>
using stream_of =
  stream_handle<typename stream_traits<std::decay_t<F>>::out,
                typename stream_traits<std::decay_t<F>>::in,
                stream_result_of<std::decay_t<F>, wire_t<Args>...>>;

template <class F, class... Args>
void write_stream_request(buffer& out, const pool& where, const F& f,
                          const Args&... args) {
  using callable = std::decay_t<F>;
  check_stream<callable, wire_t<Args>...>();
  open_request(out, stream_thunk<callable, wire_t<Args>...>::registrar,
               *where.core());
  writer to{out, context_of(*where.core())};
  encode_callable<callable>(to, f);
  (encode_argument<std::remove_cvref_t<Args>>(to, args), ...);
}

} // namespace detail

/// Starts `f(..., args...)` on a runner of `where`, and returns when it is on its
/// way.
/// @throws call_error as `call` does, while the stream is started
template <class F, class... Args>
detail::stream_of<F, Args...> stream(const pool& where,
                                     const call_options& options, F&& f,
                                     Args&&... args) {
  detail::buffer request;
  detail::write_stream_request(request, where, f, args...);
  return detail::stream_of<F, Args...>{
    detail::open_stream(where.core(), request, options)};
}

/// @copydoc stream
template <detail::not_options F, class... Args>
detail::stream_of<F, Args...> stream(const pool& where, F&& f, Args&&... args) {
  return stream(where, call_options{}, std::forward<F>(f),
                std::forward<Args>(args)...);
}

namespace detail {

/// The handlers of a stream, in an actor.
template <class Out, class R, class OnItem, class OnEnd, class OnError>
class stream_handlers final : public stream_consumer {
public:
  stream_handlers(OnItem on_item, OnEnd on_end, OnError on_error)
    : on_item_(std::move(on_item)),
      end_(std::move(on_end), std::move(on_error)) {
    // nop
  }

  std::optional<call_error> item(std::span<const std::byte> body,
                                 codec_context* context) override {
    std::optional<Out> value;
    // Tells an item that does not decode from a handler that throws.
    try {
      value.emplace(item_from<Out>(body, context));
    } catch (const call_error& error) {
      return error;
    }
    if constexpr (std::is_void_v<std::invoke_result_t<OnItem&, Out>>) {
      on_item_(std::move(*value));
    } else if (!on_item_(std::move(*value))) {
      return call_error{errc::cancelled, "the actor has left the stream"};
    }
    return std::nullopt;
  }

  void complete(outcome&& result) override {
    end_.complete(std::move(result));
  }

private:
  OnItem on_item_;
  actor_completion<R, OnEnd, OnError> end_;
};

template <class OnItem, class Out>
concept item_handler = std::invocable<OnItem&, Out> &&(
  std::is_void_v<std::invoke_result_t<
    OnItem&, Out>> || std::same_as<std::invoke_result_t<OnItem&, Out>, bool>);

/// For a function that sends nothing.
struct no_item {
  void operator()(char) const {
    // nop
  }
};

} // namespace detail

/// A stream, as the actor that has started it holds it. Copies are the same
/// stream. For the context of that actor only.
///
/// @tparam In what the function takes, `void` for nothing
///
/// An actor that sends items should keep this: once the last copy is gone, the
/// function is told that no item will follow. A function that takes none needs
/// no handle to go on.
template <class In>
class stream_control {
public:
  /// @private
  explicit stream_control(std::shared_ptr<detail::actor_stream> what)
    : what_(std::move(what)) {
    // nop
  }

  /// Sends an item to the function, without waiting. Where the stream has ended
  /// or is ending, it is dropped.
  /// @returns whether there is room for more; if not, about 1 MiB waits to be
  ///          taken, and more of it is better sent when `on_room` says so
  /// @throws call_error `message_too_large`
  bool send(const detail::non_void<In>& item) requires(!std::is_void_v<In>) {
    detail::buffer bytes;
    what_->open(bytes);
    detail::writer out{bytes, what_->context()};
    detail::encode<In>(out, item);
    return what_->send(std::move(bytes));
  }

  /// Says what to do whenever half of what waited has been taken, after `send`
  /// has returned false. It is called in the context of the actor.
  void on_room(std::function<void()> callback) requires(!std::is_void_v<In>) {
    what_->on_room(std::move(callback));
  }

  /// Tells the function that no item will follow.
  void end_input() requires(!std::is_void_v<In>) {
    what_->end_input();
  }

  /// Leaves the stream: the function is asked to stop, no further item is
  /// handed over, and the stream ends with the error `cancelled`. Does nothing
  /// once it has ended.
  void cancel() {
    what_->cancel();
  }

private:
  std::shared_ptr<detail::actor_stream> what_;
};

/// A stream that an actor is about to start, see `stream(self, ...)`. It is
/// started by `then`, once.
template <class Out, class In, class R>
class [[nodiscard]] pending_stream {
public:
  /// @private
  pending_stream(caf::scheduled_actor* self, pool where, call_options options,
                 detail::buffer request)
    : self_(self),
      where_(std::move(where)),
      options_(options),
      request_(std::move(request)) {
    // nop
  }

  /// Starts the stream. All functions are called in the actor's context: that
  /// for items with each, and at the end one of the others, once.
  ///
  /// While the actor does not handle its messages, or blocks in `on_item`, the
  /// function is stopped: the actor is given about 64 KiB of items at a time.
  /// @param on_item takes an item; it may return a `bool`, then false leaves
  ///        the stream as `stream_control::cancel` does
  /// @param on_end called with what the function returns
  /// @param on_error called with a `const call_error&` or a `caf::error&`,
  ///        whichever it takes, after the items before it
  /// @throws call_error `message_too_large`
  template <class OnItem, class OnEnd, class OnError>
    requires(!std::is_void_v<
               Out> && detail::item_handler<OnItem, detail::non_void<Out>>)
  stream_control<In> then(OnItem on_item, OnEnd on_end, OnError on_error) && {
    return start<detail::non_void<Out>>(std::move(on_item), std::move(on_end),
                                        std::move(on_error));
  }

  /// Starts the stream of a function that only takes items.
  /// @copydetails then
  template <class OnEnd, class OnError>
    requires(std::is_void_v<Out>)
  stream_control<In> then(OnEnd on_end, OnError on_error) && {
    return start<char>(detail::no_item{}, std::move(on_end),
                       std::move(on_error));
  }

private:
  template <class Item, class OnItem, class OnEnd, class OnError>
  stream_control<In> start(OnItem on_item, OnEnd on_end, OnError on_error) {
    using handlers = detail::stream_handlers<Item, R, OnItem, OnEnd, OnError>;
    return stream_control<In>{detail::stream_for_actor(
      self_, where_.core(), std::move(request_),
      detail::options_for<R>(options_), !std::is_void_v<In>,
      std::make_shared<handlers>(std::move(on_item), std::move(on_end),
                                 std::move(on_error)))};
  }

  caf::scheduled_actor* self_;
  pool where_;
  call_options options_;
  detail::buffer request_;
};

namespace detail {

template <class F, class... Args>
using pending_stream_of =
  pending_stream<typename stream_traits<std::decay_t<F>>::out,
                 typename stream_traits<std::decay_t<F>>::in,
                 stream_result_of<std::decay_t<F>, wire_t<Args>...>>;

} // namespace detail

/// Streams through `f(..., args...)` on a runner of `where` for an actor,
/// without blocking it. The stream ends with the actor: `options.link` does not
/// matter. Must be called in the actor's context.
/// @throws call_error `unknown_function`, for what the pool's runners could not
///         find
template <class F, class... Args>
detail::pending_stream_of<F, Args...> stream(caf::scheduled_actor* self,
                                             const pool& where,
                                             const call_options& options, F&& f,
                                             Args&&... args) {
  detail::buffer request;
  detail::write_stream_request(request, where, f, args...);
  return {self, where, options, std::move(request)};
}

/// @copydoc stream
template <detail::not_options F, class... Args>
detail::pending_stream_of<F, Args...> stream(caf::scheduled_actor* self,
                                             const pool& where, F&& f,
                                             Args&&... args) {
  return stream(self, where, call_options{}, std::forward<F>(f),
                std::forward<Args>(args)...);
}

} // namespace flame
