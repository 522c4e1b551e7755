#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include <caf/scoped_execution_unit.hpp>

#include "flame/codec.hpp"
#include "flame/detail/caf.hpp"

namespace flame::detail {

/// Encodes and decodes the actor handles that travel in calls. Thread-safe.
///
/// A handle is made usable on the other side by CAF's proxy registry, which is
/// the BASP broker's. Runners know the parent only, so a handle of a third node
/// leaves the parent as one of a relay that lives there.
class system_handles final : public codec_context {
public:
  /// @param is_parent whether handles of other nodes must be relayed
  system_handles(caf::actor_system& system, bool is_parent);

  caf::execution_unit* unit() override;

  caf::strong_actor_ptr outgoing(caf::strong_actor_ptr handle) override;

  caf::strong_actor_ptr own_actor(const caf::node_id& node,
                                  caf::actor_id id) override;

private:
  caf::actor_system& system_;
  const bool is_parent_;
  caf::scoped_execution_unit unit_;
  std::mutex mutex_;
  std::map<std::pair<caf::node_id, caf::actor_id>, caf::weak_actor_ptr> relays_;
};

} // namespace flame::detail
