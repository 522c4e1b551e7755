/// How an upload begins: a browser, the actor that stands for it, and the actor
/// under the supervisor.
#pragma once

#include <functional>
#include <memory>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <flame/supervisor.hpp>

#include "messages.hpp"
#include "uploads/upload_actor.hpp"

namespace studio {

/// The specification of the supervisor of all uploads: each is a child of its
/// own. One whose actor fails is begun anew with what has arrived of it; one
/// that has come to its end, whichever, is not.
flame::supervisor_options uploads_supervisor(
  std::shared_ptr<const workplace> where);

/// Spawns the actor that stands for a browser which uploads `job`, and has the
/// upload started by `supervisor`. The upload ends when that actor does, which
/// `anon_send_exit(it, user_shutdown)` brings about. It takes `grown_atom` and
/// `(refuse_atom, problem)` for the upload.
/// @param on_end called once, in the actor's context, with how the upload has
///        ended
caf::actor spawn_owner(caf::actor_system& system, flame::supervisor supervisor,
                       std::shared_ptr<upload_job> job,
                       std::function<void(const upload_ended&)> on_end);

} // namespace studio
