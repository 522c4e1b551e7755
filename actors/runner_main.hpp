#pragma once

#include <exception>
#include <string>
#include <vector>

#include "flame/run.hpp"

namespace flame::detail {

/// Whether this process was started as a runner: `FLAME_RUNNER` is set.
bool is_started_as_runner() noexcept;

/// Serves as a runner until the end, which is the end of the process.
[[noreturn]] void serve_as_runner(node_options options,
                                  std::vector<std::string> args,
                                  const program& what);

/// Ends the process of a runner that cannot start, and says why.
[[noreturn]] void end_as_unable(const std::exception& why);

} // namespace flame::detail
