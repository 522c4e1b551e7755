// expect: flame: a member that inspect() names cannot travel
#include "flame/call.hpp"

struct list {
  int* items = nullptr;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, list& x) {
  return f(x.items);
}

void take(const list& items);

void test(const flame::pool& pool, const list& items) {
  flame::call(pool, take, items);
}
