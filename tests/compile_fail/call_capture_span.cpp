// expect: flame: the function captures something that cannot travel
#include <span>

#include "flame/call.hpp"

void test(const flame::pool& pool, std::span<const int> span) {
  flame::call(pool, [span] {
    return span.size();
  });
}
