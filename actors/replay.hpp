#pragma once

#include <memory>
#include <string>

#include "flame/codec.hpp"

namespace flame::detail {

/// Runs a call that `FLAME_SAVE_FAILED` has kept, in this process and on this
/// thread, and says on standard output how it ended.
/// @param handles decodes and encodes actor handles
/// @returns the exit status: 0 with a result, 1 if the function throws, 2 if
///          the file is not a call of this build of the program
int replay_call(const std::string& path, codec_context& handles);

} // namespace flame::detail
