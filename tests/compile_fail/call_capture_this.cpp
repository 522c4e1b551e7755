// expect: flame: the function captures something that cannot travel
#include "flame/call.hpp"

struct widget {
  int number = 1;

  void test(const flame::pool& pool) {
    flame::call(pool, [this] {
      return number;
    });
  }
};
