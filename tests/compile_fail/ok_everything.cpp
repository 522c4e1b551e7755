// What the other files forbid, done the way that their messages say.
#include <string>
#include <vector>

#include "flame/detail/closure.hpp"

struct widget {
  int number = 1;

  int work() const {
    return number;
  }
};

void test(int number) {
  auto lambda = [number](const std::string& text) {
    return text.size();
  };
  static_assert(flame::detail::check_callable<decltype(lambda)>());
  using function = flame::fn_t<&widget::work>;
  static_assert(flame::detail::check_callable<function>());
  static_assert(flame::detail::check_callable<int (*)(int)>());
  static_assert(flame::detail::check_argument<std::string>());
  static_assert(flame::detail::check_argument<widget>());
  static_assert(flame::detail::check_result<std::vector<widget>>());
  static_assert(flame::detail::check_result<void>());
}
