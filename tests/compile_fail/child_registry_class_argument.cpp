// expect: flame: a file cannot give an argument of this type
#include "flame/child_registry.hpp"

class worker : public caf::event_based_actor {
public:
  worker(caf::actor_config& cfg, const caf::actor& whom);
};

void test(flame::child_registry& children) {
  children.add<worker, caf::actor>("worker");
}
