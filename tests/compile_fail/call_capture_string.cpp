// expect: flame: the function captures something that cannot travel
#include <string>

#include "flame/call.hpp"

void test(const flame::pool& pool, std::string text) {
  flame::call(pool, [text] {
    return text.size();
  });
}
