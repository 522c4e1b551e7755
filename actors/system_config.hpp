#pragma once

#include <cstddef>
#include <thread>
#include <vector>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

namespace flame::detail {

/// The settings of an actor system that serves as a node, see
/// docs/decisions for the measurements behind them.
class system_config : public caf::actor_system_config {
public:
  /// @param threads of the scheduler; 0 chooses
  explicit system_config(std::size_t threads);
};

/// The threads on which a system runs actors that are not detached, of a system
/// that marks none. Empty for a scheduler that is not CAF's.
std::vector<std::thread::id> scheduler_threads(caf::actor_system& system);

} // namespace flame::detail
