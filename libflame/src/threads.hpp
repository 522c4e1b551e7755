#pragma once

#include <csignal>
#include <thread>
#include <utility>

#include <pthread.h>

namespace flame::detail {

/// Starts a named thread that takes no signals: those belong to the program's
/// own threads.
/// @param name at most 15 characters
template <class F>
std::thread start_thread(const char* name, F&& body) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
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

/// Whether this thread is one of CAF's scheduler, which a blocking call would
/// take from every other actor.
bool on_scheduler_thread() noexcept;

} // namespace flame::detail
