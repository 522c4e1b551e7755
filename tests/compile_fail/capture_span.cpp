// expect: flame: the lambda captures something that cannot travel
#include <span>

#include "flame/detail/closure.hpp"

void test(std::span<const int> span) {
  auto lambda = [span] {
    return span.size();
  };
  static_assert(flame::detail::check_callable<decltype(lambda)>());
}
