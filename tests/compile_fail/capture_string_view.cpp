// expect: flame: the lambda captures something that cannot travel
#include <string_view>

#include "flame/detail/closure.hpp"

void test(std::string_view view) {
  auto lambda = [view] {
    return view.size();
  };
  static_assert(flame::detail::check_callable<decltype(lambda)>());
}
