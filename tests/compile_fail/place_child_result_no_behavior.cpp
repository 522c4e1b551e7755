// expect: flame: a placed function returns its behaviour, or nothing
#include "flame/place.hpp"

int worker(caf::event_based_actor* self);

void test(caf::event_based_actor* self, const flame::pool& pool) {
  flame::place_child(self, pool, worker)
    .then([](const caf::actor&) {}, [](caf::error&) {});
}
