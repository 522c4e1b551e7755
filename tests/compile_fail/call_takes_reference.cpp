// expect: flame: the function does not take these arguments
#include "flame/call.hpp"

void increment(int& number);

void test(const flame::pool& pool, int number) {
  flame::call(pool, increment, number);
}
