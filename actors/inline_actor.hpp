#pragma once

#include <functional>

#include "flame/detail/caf.hpp"

namespace flame::detail {

/// An actor that is not scheduled: `handle` gets each message on the thread that
/// brings it, which saves a wake-up. For what is quick and never blocks. Exit
/// messages do nothing.
///
/// @param handle called by any thread, also by several at a time
caf::actor spawn_inline_actor(caf::actor_system& system,
                              std::function<void(caf::message&)> handle);

/// Ends an actor that `spawn_inline_actor` has made: the actor system forgets
/// it.
void end_inline_actor(const caf::actor& which);

} // namespace flame::detail
