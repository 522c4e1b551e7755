#include "heartbeat.hpp"

#include <atomic>

#include <doctest/doctest.h>

#include <poll.h>
#include <sys/socket.h>

#include "lane.hpp"

namespace {

using namespace std::chrono_literals;

using flame::heartbeat_options;
using flame::detail::heartbeat_listener;
using flame::detail::heartbeats;
using flame::detail::make_socket_pair;
using flame::detail::silence;
using flame::detail::waker;

using time_point = silence::clock::time_point;

const time_point start{1000s};

/// Waits until it is told, for a generous time.
bool is_told(const waker& by) {
  pollfd ready{by.fd(), POLLIN, 0};
  return ::poll(&ready, 1, 20'000) == 1;
}

} // namespace

TEST_SUITE("heartbeat") {
  TEST_CASE("silence lasts until it is broken") {
    silence heard{1s, start};
    CHECK(heard.at(start + 1s) == 1s);
    CHECK(heard.at(start + 2s) == 2s);
    heard.broken();
    CHECK(heard.at(start + 3s) == 1s);
    CHECK(heard.at(start + 4500ms) == 2500ms);
  }

  TEST_CASE("time in which one did not run oneself is no silence") {
    silence heard{1s, start};
    CHECK(heard.at(start + 1s) == 1s);
    // Stopped for an hour, or asleep.
    CHECK(heard.at(start + 1h) == 3s);
    CHECK(heard.at(start + 1h + 1s) == 4s);
  }

  TEST_CASE("a listener that is there keeps the heart-beats from complaining") {
    auto ends = make_socket_pair(SOCK_SEQPACKET);
    heartbeat_options how{10ms, 10s};
    std::atomic<int> complaints = 0;
    heartbeats parent;
    auto key = parent.watch(std::move(ends.parent), how, [&] {
      ++complaints;
    });
    waker told;
    heartbeat_listener runner{std::move(ends.runner), how, [&] {
                                told.wake();
                              }};
    // Beats go both ways: neither side has anything to say about the other.
    pollfd nothing{told.fd(), POLLIN, 0};
    CHECK(::poll(&nothing, 1, 200) == 0);
    CHECK(complaints == 0);
    parent.unwatch(key);
    CHECK(is_told(told));
  }

  TEST_CASE("a runner that does not answer is told once") {
    auto ends = make_socket_pair(SOCK_SEQPACKET);
    waker told;
    std::atomic<int> complaints = 0;
    {
      heartbeats parent;
      parent.watch(std::move(ends.parent), {10ms, 60ms}, [&] {
        ++complaints;
        told.wake();
      });
      CHECK(is_told(told));
      pollfd nothing{told.fd(), POLLIN, 0};
      told.drain();
      CHECK(::poll(&nothing, 1, 200) == 0);
    }
    CHECK(complaints == 1);
  }

  TEST_CASE("a parent that says nothing is left, and so is one that hangs up") {
    for (auto hangs_up : {false, true}) {
      CAPTURE(hangs_up);
      auto ends = make_socket_pair(SOCK_SEQPACKET);
      waker told;
      heartbeat_listener runner{
        std::move(ends.runner),
        {10ms, hangs_up ? flame::duration{1h} : flame::duration{60ms}},
        [&] {
          told.wake();
        }};
      if (hangs_up)
        ends.parent.reset();
      CHECK(is_told(told));
    }
  }

  TEST_CASE("a runner that answers is not given up, however tight the time") {
    auto ends = make_socket_pair(SOCK_SEQPACKET);
    std::atomic<int> complaints = 0;
    heartbeats parent;
    // Less than what passes between two looks at it, when one is late.
    parent.watch(std::move(ends.parent), {20ms, 30ms}, [&] {
      ++complaints;
    });
    // Says more than it is asked for, so that there is always something to hear.
    auto end = std::chrono::steady_clock::now() + 500ms;
    while (std::chrono::steady_clock::now() < end) {
      char beat = 'b';
      static_cast<void>(
        ::send(ends.runner.get(), &beat, 1, MSG_DONTWAIT | MSG_NOSIGNAL));
      pollfd asked{ends.runner.get(), POLLIN, 0};
      ::poll(&asked, 1, 1);
      char bytes[16];
      static_cast<void>(
        ::recv(ends.runner.get(), bytes, sizeof(bytes), MSG_DONTWAIT));
    }
    CHECK(complaints == 0);
  }

  TEST_CASE("each runner has its own beat") {
    waker told;
    std::atomic<int> wrong = 0;
    heartbeats parent;
    auto quiet = make_socket_pair(SOCK_SEQPACKET);
    auto alive = make_socket_pair(SOCK_SEQPACKET);
    parent.watch(std::move(alive.parent), {20ms, 10s}, [&] {
      ++wrong;
    });
    heartbeat_listener runner{std::move(alive.runner), {20ms, 10s}, [] {}};
    parent.watch(std::move(quiet.parent), {10ms, 60ms}, [&] {
      told.wake();
    });
    CHECK(is_told(told));
    CHECK(wrong == 0);
  }
}
