#pragma once

#include <optional>
#include <span>
#include <stop_token>

#include "flame/codec.hpp"
#include "flame/detail/buffer.hpp"
#include "flame/detail/export.hpp"

namespace flame::detail {

/// The lane of a call as the function sees it that streams. While the function
/// runs, one thread may send and another one receive.
class FLAME_EXPORT item_channel {
public:
  virtual ~item_channel();

  /// Begins an item: room for what goes before it.
  virtual void open(buffer& item) = 0;

  /// Sends an item, and waits while the caller does not take it.
  /// @throws call_error `cancelled` when the function is to stop,
  ///         `message_too_large`
  virtual void send(buffer& item) = 0;

  /// The function takes items from its caller. Their end, too, must be read
  /// before the lane can carry another call.
  virtual void expect_input() = 0;

  /// The next item that the caller sends; nothing after the last. Valid until
  /// the next one is asked for.
  /// @throws call_error `cancelled` when the function is to stop
  virtual std::optional<std::span<const std::byte>> receive() = 0;

  virtual codec_context* context() const noexcept = 0;
};

/// What a function's thunk gets on the runner.
struct invocation {
  /// Callable and arguments.
  reader& in;
  /// Where the result goes.
  writer& out;
  /// Set where the thunk takes a stop token.
  std::stop_token stop;
  item_channel& items;
};

/// The entry of a thunk of kind `function`. Throws what the function throws.
using function_entry = void (*)(invocation&);

} // namespace flame::detail
