// expect: flame: the lambda captures something that cannot travel
#include <string>

#include "flame/detail/closure.hpp"

void test(std::string text) {
  auto lambda = [text] {
    return text;
  };
  static_assert(flame::detail::check_callable<decltype(lambda)>());
}
