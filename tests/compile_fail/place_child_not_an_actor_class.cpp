// expect: flame: a placed actor is derived from caf::event_based_actor
#include "flame/place.hpp"

struct worker {};

void test(caf::event_based_actor* self, const flame::pool& pool) {
  flame::place_child<worker>(self, pool, flame::call_options{})
    .then([](const caf::actor&) {}, [](caf::error&) {});
}
