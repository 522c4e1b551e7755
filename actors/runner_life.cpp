#include "runner_life.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <poll.h>
#include <sys/prctl.h>
#include <time.h>

namespace flame::detail {

namespace {

/// Not one that a program is likely to use itself. It must be one that can be
/// handled: SIGKILL would leave what the runner has started behind.
constexpr int parent_death_signal = SIGPWR;

/// Signal handlers have no other way to their object.
std::atomic<runner_life*> signalled_life = nullptr;

void on_sigterm(int) {
  auto* life = signalled_life.load();
  if (!life)
    return;
  life->tell(life->has(runner_life::asked_to_drain)
               ? runner_life::told_to_end
               : runner_life::asked_to_drain);
}

void on_parent_death(int) {
  if (auto* life = signalled_life.load())
    life->tell(runner_life::parent_gone);
}

void on_sigpipe(int) {
  // A handler and not SIG_IGN, which programs that are started would inherit.
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigaction(signal, &action, nullptr);
}

} // namespace

bool runner_life::wait(
  std::chrono::steady_clock::time_point deadline) noexcept {
  auto left = deadline - std::chrono::steady_clock::now();
  auto forever = deadline == std::chrono::steady_clock::time_point::max();
  if (left <= std::chrono::nanoseconds::zero() && !forever)
    return false;
  auto nanos =
    std::chrono::duration_cast<std::chrono::nanoseconds>(left).count();
  timespec limit{static_cast<time_t>(nanos / 1'000'000'000),
                 static_cast<long>(nanos % 1'000'000'000)};
  pollfd alarm{waker_.fd(), POLLIN, 0};
  auto ready = ::ppoll(&alarm, 1, forever ? nullptr : &limit, nullptr);
  waker_.drain();
  return ready != 0;
}

bool install_runner_signals(runner_life& life, int parent_pid,
                            bool watch_parent) {
  signalled_life = &life;
  handle(SIGTERM, on_sigterm);
  handle(SIGPIPE, on_sigpipe);
  if (!watch_parent)
    return true;
  handle(parent_death_signal, on_parent_death);
  ::prctl(PR_SET_PDEATHSIG, parent_death_signal);
  // It may have died before the line above; then nobody sends the signal.
  return ::getppid() == parent_pid;
}

void end_process(int status, bool everything) {
  if (!everything)
    std::fflush(nullptr);
  // Without a group of its own, others would be hit.
  if (everything && ::getpgrp() == ::getpid())
    ::kill(0, SIGKILL);
  std::quick_exit(status);
}

} // namespace flame::detail
