// A module that the program opens by dlopen, on parent and runners.
#include <flame/call.hpp>

extern "C" int call_in_module(const flame::pool* pool, int value) {
  return flame::call(
    *pool,
    [](int x) {
      return 5 * x;
    },
    value);
}
