// expect: flame: a pointer to a member cannot travel
#include "flame/detail/closure.hpp"

struct widget {
  int work() const;
};

static_assert(flame::detail::check_callable<decltype(&widget::work)>());
