// Calls functions of itself, of a shared library and of a module that it opens,
// on a runner that is a process of its own.
//
//   variants_program MODULE
#include <iostream>
#include <stdexcept>
#include <string>

#include <dlfcn.h>
#include <unistd.h>

#include <flame/call.hpp>
#include <flame/node.hpp>
#include <flame/run.hpp>

#include "variants.hpp"

namespace {

int program_function(int value) {
  return 2 * value;
}

int failures = 0;

void expect(const char* what, int wanted, int got) {
  if (wanted == got)
    return;
  std::cerr << what << ": wanted " << wanted << ", got " << got << std::endl;
  ++failures;
}

/// In a program at a fixed address, such a pointer is one to a jump of the
/// program's own, of which no table says that it is a function.
void call_pointer_into_library(const flame::pool& pool) {
#ifdef __PIE__
  expect("a function of the library", 6,
         flame::call(pool, library_function, 2));
#else
  auto refused = flame::try_call(pool, library_function, 2);
  expect("a function of the library is refused", 1,
         !refused
           && flame::call_error{refused.error()}.code()
                == flame::errc::unknown_function);
#endif
}

using module_function = int (*)(const flame::pool*, int);

class app {
public:
  void start(flame::node& node) {
    auto path = node.args().empty() ? "no module" : node.args().front();
    auto* module = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!module)
      throw std::runtime_error(::dlerror());
    call_in_module_ =
      reinterpret_cast<module_function>(::dlsym(module, "call_in_module"));
    if (!call_in_module_)
      throw std::runtime_error(::dlerror());
  }

  int main(flame::node& node) {
    auto pool = node.pool("variants", {.max = 1, .backend = "process"});
    auto here = static_cast<int>(::getpid());
    auto there = flame::call(pool, [] {
      return static_cast<int>(::getpid());
    });
    expect("another process", 1, here != there);
    auto factor = 7;
    expect("a lambda", 42,
           flame::call(
             pool,
             [factor](int x) {
               return factor * x;
             },
             6));
    expect("a function", 4, flame::call(pool, program_function, 2));
    expect("a function of the library, by name", 6,
           flame::call(pool, flame::fn<&library_function>, 2));
    call_pointer_into_library(pool);
    expect("a lambda of the library", 8, call_in_library(pool, 2));
    expect("a lambda of the module", 10, call_in_module_(&pool, 2));
    return failures == 0 ? 0 : 1;
  }

private:
  module_function call_in_module_ = nullptr;
};

} // namespace

int main(int argc, char** argv) {
  return flame::run<app>(argc, argv);
}
