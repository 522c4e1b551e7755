// expect: flame: an argument cannot travel
#include "flame/place.hpp"

class secretive {
public:
  secretive();

private:
  int state_;
};

caf::behavior worker(caf::event_based_actor* self, const secretive& argument);

void test(caf::event_based_actor* self, const flame::pool& pool,
          const secretive& argument) {
  flame::place_child(self, pool, worker, argument).then([](const caf::actor&) {
  });
}
