// expect: flame: the function does not take these arguments
#include <string>

#include "flame/call.hpp"

int resize(const std::string& picture, int width);

void test(const flame::pool& pool) {
  flame::call(pool, resize, 640, std::string{"picture"});
}
