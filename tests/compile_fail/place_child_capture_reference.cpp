// expect: flame: the function captures something that cannot travel
#include "flame/place.hpp"

void test(caf::event_based_actor* self, const flame::pool& pool, int number) {
  flame::place_child(self, pool, [&number](caf::event_based_actor* child) {
    child->send(child, static_cast<int>(number));
  }).then([](const caf::actor&) {}, [](caf::error&) {});
}
