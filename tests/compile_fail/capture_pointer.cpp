// expect: flame: the lambda captures something that cannot travel
#include "flame/detail/closure.hpp"

void test(int* pointer) {
  auto lambda = [pointer] {
    return *pointer;
  };
  static_assert(flame::detail::check_callable<decltype(lambda)>());
}
