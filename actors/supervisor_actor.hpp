#pragma once

#include <memory>

#include "supervisor_core.hpp"

namespace flame::detail {

/// An actor that is a supervisor and nothing else.
class supervisor_actor final : public caf::event_based_actor {
public:
  /// The parameters are those of `supervisor_core`.
  supervisor_actor(caf::actor_config& cfg, supervisor_options options,
                   caf::actor_addr owner, std::shared_ptr<child_report> report);

  const char* name() const override;

  const std::shared_ptr<child_places>& places() const noexcept {
    return places_;
  }

protected:
  caf::behavior make_behavior() override;

private:
  const std::shared_ptr<child_places> places_;
  std::shared_ptr<supervisor_core> core_;
};

/// Spawns a supervisor; the parameters are those of `supervisor_core`.
/// @throws call_error `invalid_configuration`
supervisor spawn_supervisor_actor(caf::actor_system& system,
                                  supervisor_options options,
                                  caf::actor_addr owner,
                                  std::shared_ptr<child_report> report);

} // namespace flame::detail
