#pragma once

#include <memory>

#include "flame/detail/operation.hpp"
#include "pool_core.hpp"

namespace flame::detail {

/// Whether the slot of a call is to be kept for what its result reports.
bool tracks(const pool_core& pool, const call_options& options) noexcept;

/// Takes over the slot and the lane of a call that has its result. Both go back
/// when nobody refers to what is returned, and every actor has ended that it is
/// kept for.
std::shared_ptr<kept_slot> keep_slot(std::shared_ptr<pool_core> pool,
                                     slot_holder& from,
                                     std::unique_ptr<lane> with);

} // namespace flame::detail
