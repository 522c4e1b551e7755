// expect: flame: the function captures something that cannot travel
#include "flame/call.hpp"

void test(const flame::pool& pool, int number) {
  flame::call(pool, [&number] {
    return number;
  });
}
