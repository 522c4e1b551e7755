#pragma once

#include <csignal>
#include <initializer_list>

#include <pthread.h>

namespace flame::detail {

/// `from` without the signals that tell a thread of a fault of its own. Where
/// one of those is blocked, the kernel ends the process without asking the
/// handler that the program may have for it.
inline sigset_t without_faults(sigset_t from) noexcept {
  for (int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS})
    sigdelset(&from, fault);
  return from;
}

/// What the library's own threads block: all that is sent to the process
/// belongs to the program's threads.
inline sigset_t signals_of_program() noexcept {
  sigset_t all;
  sigfillset(&all);
  return without_faults(all);
}

/// What this thread blocks.
inline sigset_t own_signal_mask() noexcept {
  sigset_t result;
  sigemptyset(&result);
  pthread_sigmask(SIG_BLOCK, nullptr, &result);
  return result;
}

} // namespace flame::detail
