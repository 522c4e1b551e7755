/// Topics, by which browsers hear of what happens to uploads and pool.
#pragma once

#include <string>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

#include "messages.hpp"

namespace studio {

/// The topics that there are.
namespace topic {

inline constexpr const char* uploads = "studio/uploads";
inline constexpr const char* pool = "studio/pool";

} // namespace topic

/// Hands what is published over to those who have subscribed, as `(publish_atom,
/// topic, live_event)`. Copies are the same bus. Thread-safe.
class bus {
public:
  explicit bus(caf::actor_system& system);

  /// Until `who` ends.
  void subscribe(const caf::actor& who, const std::string& topic) const;

  void publish(const std::string& topic, live_event what) const;

private:
  caf::actor hub_;
};

} // namespace studio
