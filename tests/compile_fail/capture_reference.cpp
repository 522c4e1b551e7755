// expect: flame: the lambda captures something that cannot travel
#include "flame/detail/closure.hpp"

void test() {
  int number = 1;
  auto lambda = [&number] {
    return number;
  };
  static_assert(flame::detail::check_callable<decltype(lambda)>());
}
