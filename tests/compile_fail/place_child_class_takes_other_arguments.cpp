// expect: flame: the actor is not constructed from these arguments
#include <string>

#include "flame/place.hpp"

class worker : public caf::event_based_actor {
public:
  worker(caf::actor_config& cfg, int start);
};

void test(caf::event_based_actor* self, const flame::pool& pool) {
  flame::place_child<worker>(self, pool, std::string{"one"})
    .then([](const caf::actor&) {}, [](caf::error&) {});
}
