#include "heartbeat.hpp"

#include <algorithm>
#include <cerrno>
#include <vector>

#include <poll.h>
#include <sys/socket.h>

#include "threads.hpp"
#include "timing.hpp"

namespace flame::detail {

namespace {

using clock = std::chrono::steady_clock;

timespec in_timespec(duration time) noexcept {
  auto left =
    std::clamp<duration>(time, duration::zero(), std::chrono::hours{24 * 365});
  return {static_cast<time_t>(left.count() / 1'000'000'000),
          static_cast<long>(left.count() % 1'000'000'000)};
}

enum class heard { something, nothing, end };

/// Reads all that is there.
heard listen(int fd) noexcept {
  auto result = heard::nothing;
  char bytes[256];
  for (;;) {
    auto got = ::recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (got > 0)
      result = heard::something;
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
      return heard::end;
    else if (errno == EAGAIN)
      return result;
  }
}

void say(int fd) noexcept {
  char beat = 'b';
  [[maybe_unused]] auto ignored =
    ::send(fd, &beat, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

} // namespace

heartbeats::~heartbeats() {
  {
    std::lock_guard guard{mutex_};
    ending_ = true;
  }
  change_.wake();
  if (thread_.joinable())
    thread_.join();
}

heartbeats::key heartbeats::watch(unique_fd runner,
                                  const heartbeat_options& how,
                                  std::function<void()> on_silent) {
  std::lock_guard guard{mutex_};
  auto now = clock::now();
  all_.emplace(++last_, watched{std::move(runner), how, std::move(on_silent),
                                silence{how.interval, now}, now});
  if (!thread_.joinable())
    thread_ = start_thread("flame.beats", [this] {
      run();
    });
  change_.wake();
  return last_;
}

void heartbeats::unwatch(key which) {
  std::lock_guard guard{mutex_};
  all_.erase(which);
}

void heartbeats::run() {
  std::unique_lock guard{mutex_};
  while (!ending_) {
    auto now = clock::now();
    auto next = clock::time_point::max();
    for (auto& [which, each] : all_) {
      if (each.next <= now)
        beat(each, now);
      next = std::min(next, each.next);
    }
    guard.unlock();
    auto left = in_timespec(next == clock::time_point::max()
                              ? duration::max()
                              : duration{next - clock::now()});
    pollfd change{change_.fd(), POLLIN, 0};
    ::ppoll(&change, 1, &left, nullptr);
    change_.drain();
    guard.lock();
  }
}

void heartbeats::beat(watched& each, clock::time_point now) {
  auto fd = each.runner.get();
  // First the time, which includes what is heard now.
  auto lasted = each.heard.at(now);
  // Who has ended is found out by others, who know how.
  auto is_silent = listen(fd) == heard::nothing;
  if (!is_silent)
    each.heard.broken();
  say(fd);
  each.next = now + each.how.interval;
  // What was heard last may have been said an interval before, and the next
  // chance to tell is another one away.
  if (is_silent && each.on_silent
      && lasted + 2 * each.how.interval > each.how.tolerance)
    std::exchange(each.on_silent, nullptr)();
}

heartbeat_listener::heartbeat_listener(unique_fd parent,
                                       const heartbeat_options& how,
                                       std::function<void()> on_silent)
  : parent_(std::move(parent)) {
  thread_ = start_thread(
    "flame.beat", [fd = parent_.get(), how, on_silent = std::move(on_silent)] {
      silence parents{how.interval, clock::now()};
      for (;;) {
        auto patience = in_timespec(how.interval);
        pollfd ready{fd, POLLIN, 0};
        ::ppoll(&ready, 1, &patience, nullptr);
        // First the time, which includes what has just been heard.
        auto lasted = parents.at(clock::now());
        switch (listen(fd)) {
          case heard::something:
            parents.broken();
            say(fd);
            break;
          case heard::nothing:
            if (lasted < how.tolerance)
              break;
            [[fallthrough]];
          case heard::end:
            on_silent();
            return;
        }
      }
    });
}

heartbeat_listener::~heartbeat_listener() {
  ::shutdown(parent_.get(), SHUT_RDWR);
  thread_.join();
}

} // namespace flame::detail
