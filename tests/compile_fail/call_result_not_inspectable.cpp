// expect: flame: the result cannot travel
#include "flame/call.hpp"

class secretive {
public:
  secretive();

private:
  int state_;
};

secretive make();

void test(const flame::pool& pool) {
  flame::call(pool, make);
}
