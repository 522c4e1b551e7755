#pragma once

#include <stop_token>

#include "flame/codec.hpp"

namespace flame::detail {

/// What a function's thunk gets on the runner.
struct invocation {
  /// Callable and arguments.
  reader& in;
  /// Where the result goes.
  writer& out;
  /// Set where the thunk takes a stop token.
  std::stop_token stop;
};

/// The entry of a thunk of kind `function`. Throws what the function throws.
using function_entry = void (*)(invocation&);

} // namespace flame::detail
