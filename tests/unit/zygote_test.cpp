#include "zygote.hpp"

#include <chrono>
#include <condition_variable>
#include <iostream>
#include <mutex>
#include <stop_token>

#include <doctest/doctest.h>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "flame/detail/function_thunk.hpp"
#include "flame/detail/operation.hpp"
#include "frame.hpp"
#include "lane.hpp"
#include "support/sanitizers.hpp"

namespace {

using namespace flame::detail;
using namespace std::chrono_literals;

/// For what must happen; none is waited for in vain.
constexpr auto bound = 10s;

/// What a test finds out in a process with one thread, as a zygote needs it.
enum outcome { as_expected, no_answer, not_stopped };

/// Whether `stop` was requested within the bound.
bool is_asked_to_stop(std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock guard{mutex};
  never.wait_for(guard, stop, bound, [] {
    return false;
  });
  return stop.stop_requested();
}

/// The result of `is_asked_to_stop`, called on a lane.
outcome call_on(int lane) {
  auto function = [](std::stop_token stop) {
    return is_asked_to_stop(std::move(stop));
  };
  buffer request;
  open_request(request, function_thunk<decltype(function)>::registrar);
  writer to{request};
  encode_callable<decltype(function)>(to, function);
  close_frame(request, frame_type::request, 0, 1);
  frame_sender{request.bytes()}.send(lane);
  frame_receiver in{1024};
  for (;;) {
    pollfd ready{lane, POLLIN, 0};
    if (::poll(&ready, 1, 2 * std::chrono::milliseconds{bound}.count()) != 1)
      return no_answer;
    auto status = in.receive(lane);
    if (status == io_status::blocked)
      continue;
    if (status != io_status::done || in.header().type != frame_type::result)
      return no_answer;
    reader body{in.body()};
    return decode<bool>(body) ? as_expected : not_stopped;
  }
}

/// Runs `body` in a process of its own.
template <class F>
int outcome_of(F body) {
  // What is in the buffer now would be written twice.
  std::cout.flush();
  auto pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0)
    ::_exit(body());
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

worker_options options() {
  worker_options result;
  result.runner = "runner";
  result.max_body = 1024;
  result.stop_grace = flame::infinite;
  return result;
}

// ThreadSanitizer has a thread of its own.
TEST_CASE("a lane that comes after the order to stop is asked to stop, too"
          * doctest::skip(tests::has_thread_sanitizer)) {
  for (auto unlinked_too : {true, false}) {
    CAPTURE(unlinked_too);
    CHECK(outcome_of([=] {
            zygote workers{options(), {}};
            auto ends = make_socket_pair(SOCK_STREAM);
            workers.request_stop(unlinked_too);
            if (!workers.serve(ends.runner.get()).empty())
              return no_answer;
            ends.runner.reset();
            return call_on(ends.parent.get());
          })
          == as_expected);
  }
}

} // namespace
