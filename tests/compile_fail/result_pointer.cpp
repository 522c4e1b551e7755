// expect: flame: the result cannot travel
#include "flame/detail/closure.hpp"

static_assert(flame::detail::check_result<const char*>());
