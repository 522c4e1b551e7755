// expect: flame: the function does not take these arguments
#include <string>

#include "flame/place.hpp"

caf::behavior worker(caf::event_based_actor* self, int start);

void test(caf::event_based_actor* self, const flame::pool& pool) {
  flame::place_child(self, pool, worker, std::string{"one"})
    .then([](const caf::actor&) {}, [](caf::error&) {});
}
