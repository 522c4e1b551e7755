// expect: flame: the function captures something that cannot travel
#include <string_view>

#include "flame/call.hpp"

void test(const flame::pool& pool, std::string_view view) {
  flame::call(pool, [view] {
    return view.size();
  });
}
