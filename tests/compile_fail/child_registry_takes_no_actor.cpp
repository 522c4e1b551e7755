// expect: flame: a function-based child takes a pointer to its own actor first
#include "flame/child_registry.hpp"

caf::behavior worker(int start);

void test(flame::child_registry& children) {
  children.add("worker", worker);
}
