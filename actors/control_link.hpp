/// CAF's own protocol between parent and runner, over a connected socket: no
/// port and no path, so nobody else can speak to it.
#pragma once

#include <chrono>

#include "flame/detail/caf.hpp"
#include "flame/detail/unique_fd.hpp"

namespace flame::detail {

/// Parent's side: whoever is at the other end of `control` may ask for
/// `gateway`. Does not block.
void accept_control(caf::actor_system& system, unique_fd control,
                    const caf::actor& gateway);

/// Runner's side: the parent's gateway. Blocks, so not for actors.
/// @throws call_error `backend_failed` when there is no parent at the other end
caf::actor connect_control(caf::actor_system& system, unique_fd control,
                           std::chrono::nanoseconds timeout);

/// Parent's side: lets go of what CAF keeps of a node that does not come back.
/// Does not block.
void forget_node(caf::actor_system& system, const caf::node_id& node);

} // namespace flame::detail
