/// What blocking and asynchronous calls have in common.
#pragma once

#include "flame/detail/operation.hpp"
#include "pool_core.hpp"

namespace flame::detail {

/// @param begun when the call was made
time_point deadline_of(const pool_core& pool, const call_options& options,
                       time_point begun);

std::uint16_t flags_of(const call_options& options) noexcept;

/// What is to serve the call.
isolation isolation_of(const pool_core& pool,
                       const call_options& options) noexcept;

/// Time that a function gets to end after it was asked to, before its runner is
/// given up: a worker is ended by its runner first.
duration grace_of(const pool_core& pool, const lane& used) noexcept;

/// @param instead what to use inside an actor
/// @throws call_error `on_scheduler_thread`
void refuse_on_scheduler_thread(const pool_core& pool, const char* instead);

/// @throws call_error `message_too_large`
void check_length(const pool_core& pool, const buffer& request);

/// The answer that `from` has received, as an outcome: a result's bytes, or the
/// failure that the runner sent.
outcome take_outcome(const pool_core& pool, lane& from,
                     const std::string& runner);

call_error queue_timeout(const pool_core& pool);
call_error call_timeout(const pool_core& pool, const std::string& runner);
call_error bad_answer(const std::string& runner, const std::string& problem);
call_error no_lane_left(const std::string& runner);

} // namespace flame::detail
