#include "termination.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>

#include <poll.h>
#include <unistd.h>

#include "threads.hpp"

namespace flame::detail {

namespace {

/// The handler has no other way to its object.
std::atomic<termination*> current = nullptr;

} // namespace

void termination::on_signal(int) {
  auto before = errno;
  if (auto* self = current.load()) {
    if (self->is_asked_for_.exchange(true))
      ::_exit(status);
    self->waker_.wake();
  }
  errno = before;
}

termination::termination(std::function<void()> drain)
  : drain_(std::move(drain)) {
  struct sigaction found = {};
  if (sigaction(SIGTERM, nullptr, &found) != 0 || found.sa_handler != SIG_DFL)
    return;
  thread_ = start_thread("flame.term", [this] {
    watch();
  });
  current = this;
  struct sigaction action = {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGTERM, &action, nullptr);
}

termination::~termination() {
  if (!thread_.joinable())
    return;
  is_over_ = true;
  waker_.wake();
  thread_.join();
  // A second SIGTERM was able to end the process up to here; from now on the
  // first one is.
  struct sigaction found = {};
  if (sigaction(SIGTERM, nullptr, &found) == 0
      && found.sa_handler == on_signal) {
    struct sigaction action = {};
    action.sa_handler = SIG_DFL;
    sigaction(SIGTERM, &action, nullptr);
  }
  current = nullptr;
}

void termination::watch() {
  pollfd alarm{waker_.fd(), POLLIN, 0};
  while (!is_asked_for_ && !is_over_) {
    ::ppoll(&alarm, 1, nullptr, nullptr);
    waker_.drain();
  }
  if (!is_asked_for_)
    return;
  drain_();
  if (is_over_)
    return;
  // Not the other streams: `main` may be waiting in one, and hold its lock. No
  // destructors either, as `main` still runs.
  std::fflush(stdout);
  ::_exit(status);
}

} // namespace flame::detail
