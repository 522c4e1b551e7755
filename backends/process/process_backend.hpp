#pragma once

#include <memory>

#include "flame/backend.hpp"

namespace flame {

/// Runners as processes on this machine, each a new process of the program.
///
/// A runner inherits its connections as descriptors 3 and 4 and nothing else,
/// so that no socket listens anywhere. It has a process group of its own, which
/// is ended as a whole when the runner ends, in whatever way. What it writes
/// goes to the parent's log.
///
/// How a runner ended can only be told by a program that leaves its children to
/// be waited for: not by one that ignores SIGCHLD, or waits for any child.
///
/// Settings:
/// - `executable`: the program to start instead of the parent's own; it must be
///   the same build.
///
/// @throws call_error `out_of_resources`
std::shared_ptr<backend> make_process_backend();

} // namespace flame
