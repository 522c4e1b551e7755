#include "variants.hpp"

int library_function(int value) {
  return 3 * value;
}

int call_in_library(const flame::pool& pool, int value) {
  return flame::call(
    pool,
    [](int x) {
      return 4 * x;
    },
    value);
}
