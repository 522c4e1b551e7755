#pragma once

#include <span>
#include <thread>
#include <utility>

#include <pthread.h>

#include "flame/detail/signals.hpp"

namespace flame::detail {

/// Starts a named thread of the library's own, which takes no signals that are
/// sent to the process.
/// @param name at most 15 characters
template <class F>
std::thread start_thread(const char* name, F&& body) {
  auto blocked = signals_of_program();
  sigset_t before;
  pthread_sigmask(SIG_SETMASK, &blocked, &before);
  struct restore {
    sigset_t* mask;
    ~restore() {
      pthread_sigmask(SIG_SETMASK, mask, nullptr);
    }
  } guard{&before};
  return std::thread{[name, body = std::forward<F>(body)]() mutable {
    pthread_setname_np(pthread_self(), name);
    body();
  }};
}

/// Says that this thread is one of CAF's scheduler.
void mark_scheduler_thread() noexcept;

/// Whether this thread is one of CAF's scheduler, which a blocking call would
/// take from every other actor. Threads that an actor starts are not.
/// @param known threads of a scheduler that were not marked
bool on_scheduler_thread(std::span<const std::thread::id> known) noexcept;

} // namespace flame::detail
