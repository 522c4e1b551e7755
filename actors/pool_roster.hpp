#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>

#include "flame/backend.hpp"
#include "flame/detail/caf.hpp"
#include "slot_table.hpp"

namespace flame::detail {

/// What a pool keeps when its actor ends and another one takes its place. Used
/// by one actor at a time: the next is started when the supervisor has been told
/// of the last one's end.
///
/// The next one adopts the runners. Calls that run on them know nothing of it,
/// nor do callers who wait: the slot table is theirs and the pool's, and goes on.
/// What was under way to the last actor is lost with it:
///
///     that callers wait         the next actor looks
///     what a runner told        it tells again, when it is adopted
///     a runner's end            its monitor says so at once
///     timers                    the next actor sets its own
///     shutdown, await_minimum   fail, and are asked again by `flame::pool`
struct pool_roster {
  struct member {
    caf::actor handle;
    std::string name;
    /// When its boot began.
    time_point begun;
    /// Null until the runner is ready.
    std::shared_ptr<runner_slots> slots = nullptr;
    bool is_retired = false;
    /// When `idle_check` last wanted it to stay.
    time_point kept_at = time_point::min();
  };

  /// How runners reach the pool, whichever actor it is. Null: they have the
  /// handle of the actor that boots them, and end with it.
  caf::actor address = {};
  /// Null once the pool has been shut down.
  std::shared_ptr<backend> provider = {};
  std::map<std::uint64_t, member> members = {};
  /// Runners that are kept: `min`, or fewer since some of those were idle.
  std::size_t kept = 0;
  /// Runners that have been given a name.
  std::uint64_t named = 0;
  /// After a boot that failed, none is tried before this.
  time_point boot_again_at = time_point::min();
  std::chrono::milliseconds boot_delay{0};
  /// It is being shut down, or has been.
  bool closing = false;
};

} // namespace flame::detail
