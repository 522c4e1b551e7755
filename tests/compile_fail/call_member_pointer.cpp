// expect: flame: a pointer to a member cannot travel
#include "flame/call.hpp"

struct widget {
  int number = 1;

  int work() const;
};

void test(const flame::pool& pool) {
  flame::call(pool, &widget::work, widget{});
}
