#include "retry.hpp"

#include <set>

#include <doctest/doctest.h>

namespace {

using namespace std::chrono_literals;

using flame::call_error;
using flame::errc;
using flame::retry_options;
using flame::detail::retry_plan;
using flame::detail::time_point;

const time_point now{1000s};

call_error failure(errc code) {
  return call_error{code, "it failed"};
}

} // namespace

TEST_SUITE("retries") {
  TEST_CASE("a call has as many attempts as it is given, with longer pauses") {
    retry_plan plan{{.attempts = 4, .backoff = 100ms, .jitter = 0}};
    auto error = failure(errc::runner_lost);
    CHECK(plan.next(error, now, time_point::max()) == now + 100ms);
    CHECK(plan.next(error, now, time_point::max()) == now + 200ms);
    CHECK(plan.next(error, now, time_point::max()) == now + 400ms);
    CHECK_FALSE(plan.next(error, now, time_point::max()));
    CHECK(plan.failed() == 4);
  }

  TEST_CASE("only failures that are named are worth another attempt") {
    for (auto code : {errc::runner_lost, errc::boot_failed, errc::call_crashed})
      CHECK(retry_plan{{.attempts = 2}}.next(failure(code), now,
                                             time_point::max()));
    for (auto code : {errc::remote_exception, errc::timeout, errc::cancelled,
                      errc::queue_full, errc::pool_closed})
      CHECK_FALSE(retry_plan{{.attempts = 2}}.next(failure(code), now,
                                                   time_point::max()));
    retry_plan plan{{.attempts = 3, .on = {errc::queue_full}}};
    CHECK(plan.next(failure(errc::queue_full), now, time_point::max()));
    CHECK_FALSE(plan.next(failure(errc::runner_lost), now, time_point::max()));
  }

  TEST_CASE("a pause without end is followed by no attempt") {
    retry_plan plan{{.attempts = 3, .backoff = flame::infinite, .jitter = 0}};
    CHECK_FALSE(plan.next(failure(errc::runner_lost), now, time_point::max()));
  }

  TEST_CASE("no attempt begins when the time of the call is up") {
    retry_plan plan{{.attempts = 5, .backoff = 100ms, .jitter = 0}};
    auto error = failure(errc::runner_lost);
    CHECK(plan.next(error, now, now + 101ms));
    CHECK_FALSE(plan.next(error, now, now + 200ms));
  }

  TEST_CASE("a share of each pause is left to chance") {
    std::set<time_point> pauses;
    for (int i = 0; i < 100; ++i) {
      retry_plan plan{{.attempts = 2, .backoff = 100ms, .jitter = 0.5}};
      auto when =
        *plan.next(failure(errc::runner_lost), now, time_point::max());
      CHECK(when > now + 49ms);
      CHECK(when <= now + 100ms);
      pauses.insert(when);
    }
    CHECK(pauses.size() > 90);
  }

  TEST_CASE("a pause is a minute at most, unless the first is longer") {
    retry_plan plan{{.attempts = 200, .backoff = 10s, .jitter = 0}};
    auto error = failure(errc::runner_lost);
    for (int i = 0; i < 198; ++i)
      CHECK(*plan.next(error, now, time_point::max()) <= now + 1min);
    CHECK(*plan.next(error, now, time_point::max()) == now + 1min);
    retry_plan longer{{.attempts = 3, .backoff = 2min, .jitter = 0}};
    CHECK(*longer.next(error, now, time_point::max()) == now + 2min);
    CHECK(*longer.next(error, now, time_point::max()) == now + 2min);
  }
}
