// For definitions that take the place of a library's, to say to ThreadSanitizer
// what happens before what. A definition in a program comes before that of a
// library.
#pragma once

#include <dlfcn.h>

#include <cstdlib>

extern "C" {
void __tsan_acquire(void* address);
void __tsan_release(void* address);
}

namespace tests {

/// The library's own definition of what is defined here.
template <class Function>
Function* original(const char* symbol) {
  auto* found = ::dlsym(RTLD_NEXT, symbol);
  if (found == nullptr)
    std::abort();
  return reinterpret_cast<Function*>(found);
}

} // namespace tests
