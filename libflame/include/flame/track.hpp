/// Trackables: what the result of a call leaves behind on its runner.
///
/// A function may start actors on its runner and return handles to them. When
/// the call is tracked, they keep its slot, and with it the runner, until all
/// of them have ended:
///
///     struct session {
///       caf::actor worker; // lives on the runner
///       std::string title;
///
///       friend void flame_track(flame::tracker& to, const session& result) {
///         to.track(result.worker);
///       }
///     };
///
///     auto session = flame::call(pool, {.track = true}, open_session, "a");
///
/// Results that are tracked: actor handles; what has a function `flame_track`
/// that is found by its argument; ranges of such. A result that reports no
/// actor, or none that still lives, gives the slot back at once. Calls of all
/// forms can be tracked, by `call_options::track` or
/// `pool_options::track_resources`; a cast has no result, and what a stream
/// returns is not tracked.
///
/// The runner's end ends them as well. They are not linked to the caller, and
/// nobody asks them to end: when the pool shuts down, they get
/// `shutdown_timeout`.
#pragma once

#include <concepts>
#include <memory>
#include <ranges>
#include <type_traits>
#include <utility>

#include <caf/actor_cast.hpp>

#include "flame/codec.hpp"
#include "flame/detail/operation.hpp"
#include "flame/fwd.hpp"

namespace flame::detail {

template <class T>
constexpr bool reports_actors() {
  return requires(tracker & to, const T& value) {
    flame_track(to, value);
  };
}

/// Whether a result of this type can report actors.
template <class T>
constexpr bool is_trackable() {
  // There is no reference to void, not even to ask about.
  if constexpr (std::is_void_v<T>) {
    return false;
  } else if constexpr (is_actor_handle<T> || reports_actors<T>()) {
    return true;
  } else if constexpr (std::ranges::input_range<const T>) {
    using item = std::remove_cvref_t<std::ranges::range_reference_t<const T>>;
    // A path is a range of paths.
    if constexpr (!std::same_as<item, T>)
      return is_trackable<item>();
    else
      return false;
  } else {
    return false;
  }
}

} // namespace flame::detail

namespace flame {

/// Takes the actors that a result reports. Valid while `flame_track` runs.
class tracker {
public:
  /// @private
  explicit tracker(detail::kept_slot& slot) noexcept : slot_(slot) {
    // nop
  }

  tracker(const tracker&) = delete;
  tracker& operator=(const tracker&) = delete;

  /// Reports an actor, or what has some itself. An invalid handle is no actor.
  template <class T>
  void track(const T& value) {
    static_assert(detail::is_trackable<T>(),
                  "flame: what is tracked is an actor handle, has a function "
                  "`flame_track`, or is a range of such");
    if constexpr (detail::is_actor_handle<T>) {
      if (auto resource = caf::actor_cast<caf::strong_actor_ptr>(value))
        slot_.keep_for(resource);
    } else if constexpr (detail::reports_actors<T>()) {
      flame_track(*this, value);
    } else {
      for (const auto& each : value)
        track(each);
    }
  }

private:
  detail::kept_slot& slot_;
};

} // namespace flame

namespace flame::detail {

/// The options of a call with this result: most have nothing to track.
template <class R>
call_options options_for(call_options options) {
  if constexpr (!is_trackable<R>())
    options.track = false;
  return options;
}

/// Hands the slot of a call over to the actors in its result.
template <class R>
void track_result(outcome& result, const R& value) {
  if constexpr (is_trackable<R>()) {
    if (auto slot = std::exchange(result.slot, nullptr))
      tracker{*slot}.track(value);
  }
}

} // namespace flame::detail
