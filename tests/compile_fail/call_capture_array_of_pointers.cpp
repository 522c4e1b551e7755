// expect: flame: the function captures something that cannot travel
// compiler: clang
#include <array>

#include "flame/call.hpp"

void test(const flame::pool& pool, std::array<int*, 2> pointers) {
  flame::call(pool, [pointers] {
    return *pointers[0];
  });
}
