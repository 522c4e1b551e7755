// expect: flame: a member that inspect() names cannot travel
#include "flame/detail/closure.hpp"

struct list {
  int* items = nullptr;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, list& x) {
  return f(x.items);
}

void test(flame::detail::writer& to, const list& items) {
  flame::detail::encode(to, items);
}
