// expect: flame: a placed function takes a pointer to its own actor first
#include "flame/place.hpp"

caf::behavior worker(int start);

void test(caf::event_based_actor* self, const flame::pool& pool) {
  flame::place_child(self, pool, worker, 1)
    .then([](const caf::actor&) {}, [](caf::error&) {});
}
