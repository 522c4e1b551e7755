// expect: flame: the function captures something that cannot travel
#include "flame/call.hpp"

void test(const flame::pool& pool, int* pointer) {
  flame::call(pool, [pointer] {
    return *pointer;
  });
}
