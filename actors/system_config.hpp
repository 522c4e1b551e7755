#pragma once

#include <cstddef>

#include <caf/actor_system_config.hpp>

namespace flame::detail {

/// The settings of an actor system that serves as a node, see
/// docs/decisions for the measurements behind them.
class system_config : public caf::actor_system_config {
public:
  /// @param threads of the scheduler; 0 chooses
  explicit system_config(std::size_t threads);
};

} // namespace flame::detail
