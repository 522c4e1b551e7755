/// The life of a runner, as its parent sees it.
///
///     booting -> connecting -> ready -> wedged -> severed or draining -> gone
///        \           \           \---------\---------------------------/
///         \-----------\-------------------------------------------------/
///
/// | in | event | then |
/// |---|---|---|
/// | booting | started: the backend has an instance | connecting |
/// | booting, connecting | joined: the runner has said hello | ready |
/// | ready | wedged: work does not end although asked to | wedged |
/// | ready, wedged | let_go: idle, or the pool shuts down | draining |
/// | ready, wedged | lost_touch: monitor fired, or a lane ended and no answer | severed |
/// | any | ended: the instance is no more, or never was | gone |
///
/// `wedged` is a runner that gets no more work and is ended when nothing else
/// runs there, or after `drain_timeout`. `severed` is a runner of which the
/// cause of its end is still to come. Idle is no state of its own: a ready
/// runner is idle while the slot table has none of its slots in use, and the
/// table is the one place that knows.
#pragma once

#include <optional>
#include <string_view>

namespace flame::detail {

enum class runner_state {
  booting,
  connecting,
  ready,
  wedged,
  severed,
  draining,
  gone
};

enum class runner_event { started, joined, wedged, let_go, lost_touch, ended };

/// The state after `event` in `state`; nothing where it changes nothing.
constexpr std::optional<runner_state> next_state(runner_state state,
                                                 runner_event event) noexcept {
  using enum runner_state;
  if (state == gone)
    return std::nullopt;
  switch (event) {
    case runner_event::started:
      if (state == booting)
        return connecting;
      break;
    case runner_event::joined:
      if (state == booting || state == connecting)
        return ready;
      break;
    case runner_event::wedged:
      if (state == ready)
        return wedged;
      break;
    case runner_event::let_go:
      if (state == ready || state == wedged)
        return draining;
      break;
    case runner_event::lost_touch:
      if (state == ready || state == wedged)
        return severed;
      break;
    case runner_event::ended:
      return gone;
  }
  return std::nullopt;
}

constexpr std::string_view to_string(runner_state state) noexcept {
  switch (state) {
    case runner_state::booting:
      return "booting";
    case runner_state::connecting:
      return "connecting";
    case runner_state::ready:
      return "ready";
    case runner_state::wedged:
      return "wedged";
    case runner_state::severed:
      return "severed";
    case runner_state::draining:
      return "draining";
    case runner_state::gone:
      return "gone";
  }
  return "unknown";
}

} // namespace flame::detail
