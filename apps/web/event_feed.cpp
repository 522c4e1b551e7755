#include "web/event_feed.hpp"

#include <algorithm>
#include <vector>

namespace web {

void event_feed::ring() {
  // Outside the mutex: who is told may be gone with that.
  std::vector<std::shared_ptr<listener>> all;
  {
    std::lock_guard guard{mutex_};
    std::erase_if(listeners_, [&](const std::weak_ptr<listener>& each) {
      auto it = each.lock();
      if (it)
        all.push_back(it);
      return !it;
    });
  }
  for (auto& each : all)
    each->rung();
}

bool event_feed::has_listeners() const {
  std::lock_guard guard{mutex_};
  return std::ranges::any_of(listeners_, [](const auto& each) {
    return !each.expired();
  });
}

void event_feed::add(std::weak_ptr<listener> who) {
  std::lock_guard guard{mutex_};
  listeners_.push_back(std::move(who));
}

} // namespace web
