// What the program of `variants.sh` calls in its shared library.
#pragma once

#include <flame/call.hpp>

/// A function of the library.
int library_function(int value);

/// Calls a lambda of the library.
int call_in_library(const flame::pool& pool, int value);
