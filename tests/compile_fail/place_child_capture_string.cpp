// expect: flame: the function captures something that cannot travel
#include <string>

#include "flame/place.hpp"

void test(caf::event_based_actor* self, const flame::pool& pool,
          std::string text) {
  flame::place_child(self, pool, [text](caf::event_based_actor* child) {
    child->send(child, static_cast<int>(text.size()));
  }).then([](const caf::actor&) {}, [](caf::error&) {});
}
