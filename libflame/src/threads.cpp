#include "threads.hpp"

namespace flame::detail {

namespace {

thread_local bool is_marked = false;

} // namespace

void mark_scheduler_thread() noexcept {
  is_marked = true;
}

bool on_scheduler_thread() noexcept {
  return is_marked;
}

} // namespace flame::detail
