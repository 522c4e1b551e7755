#pragma once

#include <memory>

#include "flame/backend.hpp"

namespace flame {

/// Runners inside the parent's process: threads of their own on the same lanes,
/// with arguments and results encoded as everywhere. For tests and development:
/// nothing is isolated, and what ends a runner by force cannot end its threads.
/// Takes no settings.
std::shared_ptr<backend> make_local_backend();

} // namespace flame
