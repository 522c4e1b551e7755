// expect: flame: an argument cannot travel
#include <string_view>

#include "flame/detail/closure.hpp"

static_assert(flame::detail::check_argument<std::string_view>());
