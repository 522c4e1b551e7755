// What a test expects to fail.
#pragma once

#include <doctest/doctest.h>

#include "flame/error.hpp"

namespace tests {

/// The `call_error` that `f` throws, which it must.
template <class F>
flame::call_error failure_of(F f) {
  try {
    f();
  } catch (const flame::call_error& error) {
    return error;
  }
  FAIL("no call_error was thrown");
  return flame::call_error{flame::errc{}, ""};
}

} // namespace tests
