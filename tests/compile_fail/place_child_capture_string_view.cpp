// expect: flame: the function captures something that cannot travel
#include <string_view>

#include "flame/place.hpp"

void test(caf::event_based_actor* self, const flame::pool& pool,
          std::string_view view) {
  flame::place_child(self, pool, [view](caf::event_based_actor* child) {
    child->send(child, static_cast<int>(view.size()));
  }).then([](const caf::actor&) {}, [](caf::error&) {});
}
