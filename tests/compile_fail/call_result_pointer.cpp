// expect: flame: the result cannot travel
#include "flame/call.hpp"

const char* greet();

void test(const flame::pool& pool) {
  flame::call(pool, greet);
}
