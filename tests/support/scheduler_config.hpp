// Actor systems for unit tests.
#pragma once

#include <caf/actor_system_config.hpp>
#include <caf/atom.hpp>

namespace tests {

/// Actors run when the test says so: `caf::scheduler::test_coordinator`.
struct manual_scheduling : caf::actor_system_config {
  manual_scheduling() {
    set("scheduler.policy", caf::atom("testing"));
  }
};

/// Actors run on threads, by the scheduler that nodes have.
struct threaded_scheduling : caf::actor_system_config {
  threaded_scheduling() {
    set("scheduler.policy", caf::atom("sharing"));
  }
};

} // namespace tests
