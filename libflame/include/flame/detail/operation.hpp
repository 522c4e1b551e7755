/// What the templates of `flame::call` ask of the library: send these bytes,
/// and say what came back.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>

#include "flame/codec.hpp"
#include "flame/detail/buffer.hpp"
#include "flame/detail/export.hpp"
#include "flame/detail/thunk.hpp"
#include "flame/error.hpp"
#include "flame/options.hpp"

namespace flame::detail {

/// The slot of a call that has ended, while something of its result may still
/// be on the runner. It is given back when nobody refers to it and every actor
/// has ended that it is kept for. Thread-safe.
class kept_slot {
public:
  virtual ~kept_slot() = default;

  /// Keeps the slot until this actor has ended, too.
  virtual void keep_for(const caf::strong_actor_ptr& resource) = 0;
};

/// How a call ended: with the bytes of its result, or with an error.
struct outcome {
  std::optional<call_error> error;
  buffer frame;
  std::size_t body_at = 0;
  std::string runner;
  /// Keeps alive what decodes actor handles, as an outcome may wait long.
  std::shared_ptr<codec_context> context;
  /// The handle of a child, where one was placed.
  caf::actor child;
  /// Links the child to its caller, in whose context it is to be called.
  std::function<void()> link;
  /// Where the call is tracked.
  std::shared_ptr<kept_slot> slot;
  /// Whether the lane can carry another call.
  bool lane_is_good = true;

  std::span<const std::byte> body() const noexcept {
    return frame.bytes().subspan(body_at);
  }
};

/// What is done with an outcome, once.
class completion {
public:
  virtual ~completion() = default;
  virtual void complete(outcome&& result) = 0;

  /// Whether this takes no time, however long the outcome is.
  virtual bool is_quick() const noexcept {
    return false;
  }
};

/// What encodes and decodes the actor handles in a pool's arguments.
FLAME_EXPORT codec_context* context_of(const pool_core& pool) noexcept;

/// Starts the request of a call: room for the header, the thunk's token.
FLAME_EXPORT void open_request(buffer& out, const thunk& code);

/// Whether all calls on this pool go by the names of functions, see
/// `pool_options::allow_different_builds`.
FLAME_EXPORT bool calls_by_name(const pool_core& pool) noexcept;

/// As `open_request`, if the pool's runners can find this.
/// @throws call_error `unknown_function`
FLAME_EXPORT void open_request(buffer& out, const thunk& code,
                               const pool_core& pool);

/// What a thread keeps of its buffer for requests, in bytes: the usual request,
/// up to 64 KiB with what goes before it, allocates nothing, and a large one is
/// not held for ever.
inline constexpr std::size_t kept_request = std::size_t{68} * 1024;

/// A buffer of this thread, kept from call to call.
FLAME_EXPORT buffer& request_buffer() noexcept;

/// The buffer of this thread while it makes one call, however that ends.
class request_scope {
public:
  request_scope() noexcept : bytes_(request_buffer()) {
    // nop
  }

  ~request_scope() {
    bytes_.shrink(kept_request);
  }

  request_scope(const request_scope&) = delete;
  request_scope& operator=(const request_scope&) = delete;

  buffer& bytes() noexcept {
    return bytes_;
  }

private:
  buffer& bytes_;
};

/// Makes the call on this thread and waits for its end. Once the request is
/// sent, a large one is given back.
/// @throws call_error
FLAME_EXPORT outcome call_blocking(pool_core& pool, buffer& request,
                                   const call_options& options);

/// A call whose function sends items, takes them, or both. What is sent may be
/// sent by another thread than that which receives.
class FLAME_EXPORT item_stream {
public:
  virtual ~item_stream();

  /// Waits for the next item of the function. Nothing when it has ended: then
  /// there is a result. Valid until the next one is asked for.
  /// @throws call_error
  virtual std::optional<std::span<const std::byte>> next() = 0;

  /// What the function returned, once `next` has said that it has ended.
  /// @throws call_error what `next` has thrown, where the stream has failed
  virtual const outcome& result() const = 0;

  /// Begins an item: room for what goes before it.
  virtual void open(buffer& item) = 0;

  /// Sends an item to the function, and waits while it does not take it.
  /// @returns false if it takes no more, as it has ended
  /// @throws call_error
  virtual bool send(buffer& item) = 0;

  /// Tells the function that no item will follow.
  virtual void end_input() = 0;

  virtual codec_context* context() const noexcept = 0;
};

/// Starts a call that streams, and waits until it is on its way.
/// @throws call_error
FLAME_EXPORT std::unique_ptr<item_stream> open_stream(
  const std::shared_ptr<pool_core>& pool, buffer& request,
  const call_options& options);

/// What an actor does with a stream, in its context: `complete` gets the end.
class stream_consumer : public completion {
public:
  /// Takes an item.
  /// @returns why the stream is to end here, if it is
  virtual std::optional<call_error> item(std::span<const std::byte> body,
                                         codec_context* context) = 0;
};

/// A stream that an actor has started, as the actor holds it: to end it, and to
/// send items. When nobody refers to it any more, its input ends. For the
/// actor's context only, but for the destructor.
class FLAME_EXPORT actor_stream {
public:
  virtual ~actor_stream();

  /// Begins an item: room for what goes before it.
  virtual void open(buffer& item) = 0;

  /// Sends an item to the function, as soon as it takes it.
  /// @returns whether there is room for more
  /// @throws call_error `message_too_large`
  virtual bool send(buffer item) = 0;

  /// Tells the function that no item will follow.
  virtual void end_input() = 0;

  /// Says what to do when there is room again, after `send` has said that there
  /// is none.
  virtual void on_room(std::function<void()> callback) = 0;

  /// Leaves the stream.
  virtual void cancel() = 0;

  virtual codec_context* context() const noexcept = 0;
};

/// Starts a call that streams, for an actor. Must be called in its context.
/// @param has_input whether the function takes items
/// @throws call_error `message_too_large`
FLAME_EXPORT std::shared_ptr<actor_stream> stream_for_actor(
  caf::scheduled_actor* self, const std::shared_ptr<pool_core>& pool,
  buffer request, const call_options& options, bool has_input,
  std::shared_ptr<stream_consumer> consumer);

/// Makes the call; `done` gets its outcome on the reactor's thread.
FLAME_EXPORT void call_async(const std::shared_ptr<pool_core>& pool,
                             buffer request, const call_options& options,
                             std::unique_ptr<completion> done);

/// Makes the call for an actor; `done` gets its outcome in the actor's context.
/// Must be called there too.
/// @param awaits whether the actor handles nothing else until then
FLAME_EXPORT void call_for_actor(caf::scheduled_actor* self,
                                 const std::shared_ptr<pool_core>& pool,
                                 buffer request, const call_options& options,
                                 std::unique_ptr<completion> done, bool awaits);

/// Makes the call and forgets it; a failure is logged.
FLAME_EXPORT void cast(const std::shared_ptr<pool_core>& pool, buffer request,
                       const call_options& options);

/// Makes the call in the context of an actor and forgets it. Where they are
/// linked, it ends with the actor, which gets its failure as `exit_msg`.
FLAME_EXPORT void cast_for_actor(caf::scheduled_actor* self,
                                 const std::shared_ptr<pool_core>& pool,
                                 buffer request, const call_options& options);

} // namespace flame::detail
