/// What is known of a pool, now and in the last minutes.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>

#include <flame/pool.hpp>
#include <nlohmann/json.hpp>

namespace flame::dash {

/// Looks at a pool from time to time, and remembers. Not thread-safe.
class pool_watch {
public:
  /// @param memory how many looks are remembered
  /// @param is_new whether what the pool has done so far is news
  pool_watch(flame::pool which, std::size_t memory, bool is_new);

  /// @param number of this look, higher than that of the last one
  /// @param at when, in milliseconds since 1970
  void look(std::uint64_t number, std::int64_t at,
            std::chrono::steady_clock::time_point now);

  /// How the pool is, as of the last look.
  nlohmann::json state() const;

  /// What `state` has as `"rows"`: of all looks after the one of this number.
  nlohmann::json rows_since(std::uint64_t number) const;

  /// The names of what a row has.
  static const nlohmann::json& columns();

private:
  struct row {
    std::uint64_t number;
    nlohmann::json cells;
  };

  /// A look that is remembered, so that there is something to compare with.
  struct mark {
    std::chrono::steady_clock::time_point at;
    histogram calls;
  };

  void remember(std::chrono::steady_clock::time_point now);

  const flame::pool pool_;
  const std::size_t memory_;
  pool_stats stats_ = {};
  std::vector<runner_stats> runners_;
  call_stats calls_ = {};
  histogram boots_;
  std::deque<row> rows_;
  /// The oldest one is what "the last minute" is since.
  std::deque<mark> marks_;
};

} // namespace flame::dash
