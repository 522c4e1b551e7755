#pragma once

#include "pool_core.hpp"
#include "reactor.hpp"

namespace flame::detail {

/// Takes over a lane whose caller has given up. The runner is told to stop; the
/// slot is free once the function has ended, not before.
void linger(pool_core& pool, slot_holder& from, std::unique_ptr<lane> with);

} // namespace flame::detail
