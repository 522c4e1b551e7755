// expect: flame: the lambda captures something that cannot travel
#include "flame/detail/closure.hpp"

struct widget {
  int number = 1;

  void test() {
    auto lambda = [this] {
      return number;
    };
    static_assert(flame::detail::check_callable<decltype(lambda)>());
  }
};
