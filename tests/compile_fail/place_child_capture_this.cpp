// expect: flame: the function captures something that cannot travel
#include "flame/place.hpp"

struct widget {
  int number = 1;

  void test(caf::event_based_actor* self, const flame::pool& pool) {
    flame::place_child(self, pool, [this](caf::event_based_actor* child) {
      child->send(child, number);
    }).then([](const caf::actor&) {}, [](caf::error&) {});
  }
};
