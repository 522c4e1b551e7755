#pragma once

#include <memory>

#include "children.hpp"
#include "flame/detail/caf.hpp"

namespace flame::detail {

/// The inline actor of a runner to which the parent sends what children to
/// start.
///
/// Understands `(place_atom, id, request, is_linked, news)`, see
/// `children::place`.
caf::actor spawn_child_orders(caf::actor_system& system,
                              std::shared_ptr<children> placed);

} // namespace flame::detail
