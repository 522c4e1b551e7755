#pragma once

#include <memory>

#include "flame/detail/caf.hpp"
#include "placements.hpp"

namespace flame::detail {

/// The actor to which runners report of children. It is not scheduled: what it
/// does is quick, and happens on the thread that brings the message, which saves
/// every placement a wake-up.
///
/// Understands `(place_atom, id, actor)`: started; `(place_atom, id, error)`:
/// could not be started; `(ended_atom, id)`.
caf::actor spawn_child_news(caf::actor_system& system,
                            std::shared_ptr<placements> placed);

/// Ends it: the actor system forgets it.
void end_child_news(const caf::actor& news);

} // namespace flame::detail
