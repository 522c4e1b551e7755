#include "threads.hpp"

#include <algorithm>

namespace flame::detail {

namespace {

thread_local bool is_marked = false;

} // namespace

void mark_scheduler_thread() noexcept {
  is_marked = true;
}

bool on_scheduler_thread(std::span<const std::thread::id> known) noexcept {
  return is_marked
         || std::ranges::find(known, std::this_thread::get_id()) != known.end();
}

} // namespace flame::detail
