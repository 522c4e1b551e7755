// expect: flame: the function captures something that cannot travel
#include <span>

#include "flame/place.hpp"

void test(caf::event_based_actor* self, const flame::pool& pool,
          std::span<const int> span) {
  flame::place_child(self, pool, [span](caf::event_based_actor* child) {
    child->send(child, static_cast<int>(span.size()));
  }).then([](const caf::actor&) {}, [](caf::error&) {});
}
