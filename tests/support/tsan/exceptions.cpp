// What ThreadSanitizer has to know of exceptions that threads share, such as
// those of futures: references to them, and to the text in them, are counted
// inside libstdc++, where it does not see it.
#include <exception>
#include <stdexcept>

#include "support/tsan/original.hpp"

namespace std::__exception_ptr {

/// A reference is given up: what was done by it comes before the end of the
/// exception.
void exception_ptr::_M_release() noexcept {
  static auto* const real = tests::original<void(exception_ptr*)>(
    "_ZNSt15__exception_ptr13exception_ptr10_M_releaseEv");
  auto* object = _M_exception_object;
  __tsan_acquire(object);
  __tsan_release(object);
  real(this);
}

} // namespace std::__exception_ptr

namespace {

/// Copies share their text.
void release_text(std::runtime_error* self) {
  auto* text = const_cast<char*>(self->std::runtime_error::what());
  __tsan_acquire(text);
  __tsan_release(text);
}

} // namespace

// The destructor, of an object and of a base. Its class cannot be told of
// another one in C++.
void end_runtime_error(std::runtime_error* self) asm(
  "_ZNSt13runtime_errorD1Ev");
void end_base_runtime_error(std::runtime_error* self) asm(
  "_ZNSt13runtime_errorD2Ev");

void end_runtime_error(std::runtime_error* self) {
  static auto* const real =
    tests::original<void(std::runtime_error*)>("_ZNSt13runtime_errorD1Ev");
  release_text(self);
  real(self);
}

void end_base_runtime_error(std::runtime_error* self) {
  static auto* const real =
    tests::original<void(std::runtime_error*)>("_ZNSt13runtime_errorD2Ev");
  release_text(self);
  real(self);
}

/// The end of a `catch` gives up a reference, too.
extern "C" void __cxa_end_catch() {
  static auto* const real = tests::original<void()>("__cxa_end_catch");
  { [[maybe_unused]] auto released = std::current_exception(); }
  real();
}
