#include "runner_state.hpp"

#include <set>
#include <string_view>

#include <doctest/doctest.h>

namespace {

using flame::detail::next_state;
using flame::detail::runner_event;
using flame::detail::runner_state;
using flame::detail::to_string;

using enum runner_state;

constexpr runner_state all_states[] = {booting, connecting, ready, wedged,
                                       severed, draining,   gone};

constexpr runner_event all_events[] = {
  runner_event::started, runner_event::joined,     runner_event::wedged,
  runner_event::let_go,  runner_event::lost_touch, runner_event::ended};

constexpr auto stays = std::nullopt;

/// By state and event, in the order above.
constexpr std::optional<runner_state> expected[7][6] = {
  //  started     joined  wedged  let_go    lost_touch  ended
  {connecting, ready, stays, stays, stays, gone},  // booting
  {stays, ready, stays, stays, stays, gone},       // connecting
  {stays, stays, wedged, draining, severed, gone}, // ready
  {stays, stays, stays, draining, severed, gone},  // wedged
  {stays, stays, stays, stays, stays, gone},       // severed
  {stays, stays, stays, stays, stays, gone},       // draining
  {stays, stays, stays, stays, stays, stays},      // gone
};

TEST_CASE("every event leads from every state to where the table says") {
  for (auto state : all_states)
    for (auto event : all_events) {
      auto row = static_cast<int>(state);
      auto column = static_cast<int>(event);
      CAPTURE(to_string(state));
      CAPTURE(column);
      CHECK((next_state(state, event) == expected[row][column]));
    }
}

TEST_CASE("a runner ends from every state, and once") {
  for (auto state : all_states) {
    CAPTURE(to_string(state));
    auto after = next_state(state, runner_event::ended);
    CHECK(after.has_value() == (state != gone));
  }
}

TEST_CASE("no state is entered twice in a life") {
  for (auto state : all_states)
    for (auto event : all_events)
      if (auto after = next_state(state, event))
        CHECK(static_cast<int>(*after) > static_cast<int>(state));
}

TEST_CASE("every state has a name of its own") {
  std::set<std::string_view> names;
  for (auto state : all_states)
    names.insert(to_string(state));
  CHECK(names.size() == std::size(all_states));
  CHECK_FALSE(names.contains("unknown"));
  CHECK(to_string(static_cast<runner_state>(99)) == "unknown");
}

TEST_CASE("transitions can be computed by the compiler") {
  static_assert(next_state(booting, runner_event::started) == connecting);
  static_assert(!next_state(gone, runner_event::ended));
}

} // namespace
