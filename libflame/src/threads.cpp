#include "threads.hpp"

#include <array>
#include <string_view>

namespace flame::detail {

namespace {

bool has_scheduler_name() noexcept {
  // Neither 0.17 nor 1.x tells whether a thread is one of its workers, but both
  // name their threads. 0.17 names workers and I/O thread alike.
  std::array<char, 16> name{};
  pthread_getname_np(pthread_self(), name.data(), name.size());
  std::string_view own{name.data()};
  for (std::string_view taken :
       {"caf.multiplexer", "caf.worker", "caf.clock", "caf.net"})
    if (own.starts_with(taken))
      return true;
  return false;
}

} // namespace

bool on_scheduler_thread() noexcept {
  static thread_local const bool result = has_scheduler_name();
  return result;
}

} // namespace flame::detail
