// expect: flame: an argument cannot travel
#include "flame/call.hpp"

class secretive {
public:
  secretive();

private:
  int state_;
};

void take(const secretive& argument);

void test(const flame::pool& pool, const secretive& argument) {
  flame::call(pool, take, argument);
}
