// For the few tests that a sanitizer makes impossible, or slow.
#pragma once

#include <chrono>

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define FLAME_TEST_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define FLAME_TEST_TSAN 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define FLAME_TEST_ASAN 1
#endif
#ifdef __SANITIZE_THREAD__
#define FLAME_TEST_TSAN 1
#endif

namespace tests {

#ifdef FLAME_TEST_ASAN
constexpr bool has_address_sanitizer = true;
#else
constexpr bool has_address_sanitizer = false;
#endif
#ifdef FLAME_TEST_TSAN
constexpr bool has_thread_sanitizer = true;
#else
constexpr bool has_thread_sanitizer = false;
#endif
constexpr bool has_sanitizer = has_address_sanitizer || has_thread_sanitizer;

/// What is `usual` for something that has to take longer than a boot, which
/// sanitizers slow down.
constexpr std::chrono::milliseconds beyond_boot(
  std::chrono::milliseconds usual) {
  return has_sanitizer ? usual * 20 : usual;
}

} // namespace tests
