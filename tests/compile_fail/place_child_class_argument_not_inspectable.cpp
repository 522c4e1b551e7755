// expect: flame: an argument cannot travel
#include "flame/place.hpp"

class secretive {
public:
  secretive();

private:
  int state_;
};

class worker : public caf::event_based_actor {
public:
  worker(caf::actor_config& cfg, const secretive& argument);
};

void test(caf::event_based_actor* self, const flame::pool& pool,
          const secretive& argument) {
  flame::place_child<worker>(self, pool, argument).then([](const caf::actor&) {
  });
}
