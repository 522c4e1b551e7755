/// When a call that has failed is tried again.
#pragma once

#include <optional>
#include <string>

#include "pool_core.hpp"

namespace flame::detail {

/// The attempts of one call. Not thread-safe.
class retry_plan {
public:
  /// Nothing where the call is not to be repeated: it is not marked as
  /// idempotent, or has one attempt.
  /// @throws call_error `invalid_configuration` for what the call itself says
  static std::unique_ptr<retry_plan> of(const pool_core& pool,
                                        const call_options& options);

  explicit retry_plan(retry_options options) : options_(std::move(options)) {
    // nop
  }

  /// When the call that has failed with `error` is to be tried again: never,
  /// if that is no failure to repeat for, if it was the last attempt, or if the
  /// time of the call is up before. Counts the attempt.
  std::optional<time_point> next(const call_error& error, time_point now,
                                 time_point deadline);

  /// Attempts that have failed.
  std::size_t failed() const noexcept {
    return failed_;
  }

private:
  duration pause() const;

  retry_options options_;
  std::size_t failed_ = 0;
};

/// Says that a call is tried again, and counts it.
void report_retry(pool_core& pool, const call_error& error,
                  std::size_t attempts);

} // namespace flame::detail
