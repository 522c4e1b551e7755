#include "web/threads.hpp"

#include <pthread.h>
#include <signal.h>

namespace web {

namespace {

/// Threads that are started meanwhile have all signals blocked but faults.
class blocked_signals {
public:
  blocked_signals() {
    sigset_t blocked;
    sigfillset(&blocked);
    for (int fault :
         {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS})
      sigdelset(&blocked, fault);
    pthread_sigmask(SIG_SETMASK, &blocked, &before_);
  }

  ~blocked_signals() {
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

  blocked_signals(const blocked_signals&) = delete;
  blocked_signals& operator=(const blocked_signals&) = delete;

private:
  sigset_t before_{};
};

} // namespace

std::thread start_thread(std::string name, std::function<void()> body) {
  blocked_signals guard;
  return std::thread{[name = name.substr(0, 15), body = std::move(body)] {
    pthread_setname_np(pthread_self(), name.c_str());
    body();
  }};
}

} // namespace web
