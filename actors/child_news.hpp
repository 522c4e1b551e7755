#pragma once

#include <memory>

#include "flame/detail/caf.hpp"
#include "placements.hpp"

namespace flame::detail {

/// The inline actor to which runners report of children.
///
/// Understands `(place_atom, id, actor)`: started; `(place_atom, id, error)`:
/// could not be started; `(ended_atom, id, reason)`.
caf::actor spawn_child_news(caf::actor_system& system,
                            const std::shared_ptr<placements>& placed);

} // namespace flame::detail
