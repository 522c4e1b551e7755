// expect: flame: an argument cannot travel
#include <span>

#include "flame/call.hpp"

void take(std::span<const int> numbers);

void test(const flame::pool& pool, std::span<const int> numbers) {
  flame::call(pool, take, numbers);
}
