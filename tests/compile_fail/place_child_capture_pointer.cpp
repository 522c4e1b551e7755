// expect: flame: the function captures something that cannot travel
#include "flame/place.hpp"

void test(caf::event_based_actor* self, const flame::pool& pool, int* pointer) {
  flame::place_child(self, pool, [pointer](caf::event_based_actor* child) {
    child->send(child, static_cast<int>(*pointer));
  }).then([](const caf::actor&) {}, [](caf::error&) {});
}
