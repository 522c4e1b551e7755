#include "supervisor_registry.hpp"

namespace flame::detail {

supervisor_registry& supervisor_registry::instance() {
  // Never destroyed: actors may end after the statics of the program.
  static auto* all = new supervisor_registry;
  return *all;
}

void supervisor_registry::add(entry what) {
  std::lock_guard guard{mutex_};
  all_.push_back(std::move(what));
}

void supervisor_registry::remove(const caf::actor_addr& supervisor) {
  std::lock_guard guard{mutex_};
  std::erase_if(all_, [&](const entry& each) {
    return each.supervisor == supervisor;
  });
}

std::vector<supervisor_registry::entry> supervisor_registry::of(
  const caf::actor_system& system) const {
  std::vector<entry> result;
  {
    std::lock_guard guard{mutex_};
    result = all_;
  }
  // Without the mutex: whoever gives back the last reference to one ends it.
  std::erase_if(result, [&](const entry& each) {
    auto alive = caf::actor_cast<caf::actor>(each.supervisor);
    return !alive || &alive.home_system() != &system;
  });
  return result;
}

} // namespace flame::detail
