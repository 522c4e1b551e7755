#include "flame/options.hpp"

namespace flame {

const char* to_string(isolation value) noexcept {
  return value == isolation::process ? "process" : "thread";
}

} // namespace flame
