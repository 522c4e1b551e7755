#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "flame/detail/caf.hpp"

namespace flame::detail {

/// The supervisors of this process, for whoever draws their tree. Thread-safe.
class supervisor_registry {
public:
  struct entry {
    caf::actor_addr supervisor;
    std::string name;
    std::string strategy;
  };

  static supervisor_registry& instance();

  void add(entry what);
  void remove(const caf::actor_addr& supervisor);

  /// Those of this actor system, in the order of their starts.
  std::vector<entry> of(const caf::actor_system& system) const;

private:
  mutable std::mutex mutex_;
  std::vector<entry> all_;
};

} // namespace flame::detail
