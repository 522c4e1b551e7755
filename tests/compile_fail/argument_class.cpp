// expect: flame: an argument cannot travel
#include "flame/detail/closure.hpp"

class secretive {
public:
  secretive();

private:
  int state_;
};

static_assert(flame::detail::check_argument<secretive>());
