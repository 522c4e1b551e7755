#include <future>
#include <string>
#include <vector>

#include <signal.h>
#include <unistd.h>

#include "support/test_main.hpp"

using namespace std::chrono_literals;
using namespace tests;

namespace {

using get_atom = caf::atom_constant<caf::atom("get")>;
using end_atom = caf::atom_constant<caf::atom("end")>;

using gauge = caf::typed_actor<caf::replies_to<get_atom>::with<int>,
                               caf::reacts_to<end_atom>>;

caf::behavior worker(caf::event_based_actor* self) {
  return {
    [](get_atom) {
      return 42;
    },
    [=](end_atom) {
      self->quit();
    },
  };
}

gauge::behavior_type measuring(gauge::pointer self) {
  return {
    [](get_atom) {
      return 42;
    },
    [=](end_atom) {
      self->quit();
    },
  };
}

/// What a function opens on its runner.
struct session {
  std::string title;
  std::vector<caf::actor> workers;
  int pid = 0;

  friend void flame_track(flame::tracker& to, const session& result) {
    to.track(result.workers);
  }
};

session open_session(int workers) {
  session result{"open", {}, ::getpid()};
  for (int i = 0; i < workers; ++i)
    result.workers.push_back(flame::this_node()->system().spawn(worker));
  return result;
}

caf::actor open_worker() {
  return flame::this_node()->system().spawn(worker);
}

gauge open_gauge() {
  return flame::this_node()->system().spawn(measuring);
}

std::vector<session> open_sessions(int count) {
  return std::vector<session>(static_cast<std::size_t>(count), open_session(1));
}

bool is_in_use(const flame::pool& pool, std::size_t slots) {
  return eventually([&] {
    return pool.stats().in_use == slots;
  });
}

/// Whether the pool has let a runner go before long.
bool has_let_go(const flame::pool& pool, std::chrono::milliseconds bound) {
  return eventually(
    [&] {
      return pool.stats().retired > 0;
    },
    bound);
}

template <class Handle>
void end(const Handle& resource) {
  caf::anon_send(resource, end_atom::value);
}

} // namespace

TEST_CASE("a runner stays while a tracked resource lives, and goes after") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1, .idle_shutdown_after = 20ms});
    auto opened = flame::call(pool, {.track = true}, open_session, 1);
    CHECK(pool.stats().in_use == 1);
    CHECK_FALSE(has_let_go(pool, 300ms));
    CHECK(pool.stats().in_use == 1);
    end(opened.workers[0]);
    CHECK(has_let_go(pool, 10s));
    CHECK(pool.stats().lost == 0);
  });
}

TEST_CASE("a resource is not tracked unless call or pool say so") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1});
    auto opened = flame::call(pool, open_session, 1);
    CHECK(pool.stats().in_use == 0);
    end(opened.workers[0]);
  });
}

TEST_CASE("a pool may track all results, and a call be an exception") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1, .track_resources = true});
    auto tracked = flame::call(pool, open_session, 1);
    CHECK(pool.stats().in_use == 1);
    auto other = flame::call(pool, {.track = false}, open_session, 1);
    CHECK(pool.stats().in_use == 1);
    end(tracked.workers[0]);
    CHECK(is_in_use(pool, 0));
    end(other.workers[0]);
  });
}

TEST_CASE("two resources of one result hold one slot until both have ended") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1, .idle_shutdown_after = 20ms});
    auto opened = flame::call(pool, {.track = true}, open_session, 2);
    CHECK(pool.stats().in_use == 1);
    end(opened.workers[0]);
    CHECK_FALSE(has_let_go(pool, 300ms));
    CHECK(pool.stats().in_use == 1);
    end(opened.workers[1]);
    CHECK(has_let_go(pool, 10s));
  });
}

TEST_CASE("a tracked result without a resource gives its slot back at once") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1,
                                   .max_concurrency = 1,
                                   .timeout = 10s,
                                   .track_resources = true});
    for (int i = 0; i < 3; ++i) {
      CHECK(flame::call(pool, open_session, 0).title == "open");
      CHECK(pool.stats().in_use == 0);
    }
    // Nothing that could be tracked.
    CHECK(flame::call(pool,
                      [] {
                        return std::string{"text"};
                      })
          == "text");
    flame::call(pool, [] {});
    CHECK_FALSE(flame::call(pool, [] {
      return caf::actor{};
    }));
    CHECK(pool.stats().in_use == 0);
  });
}

TEST_CASE("a resource that has ended before its result arrives holds nothing") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1, .track_resources = true});
    flame::call(pool, [] {
      return flame::this_node()->system().spawn([](caf::event_based_actor*) {});
    });
    CHECK(is_in_use(pool, 0));
  });
}

TEST_CASE("a slot that a resource holds is no other caller's") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1, .max_concurrency = 1});
    auto opened = flame::call(pool, {.track = true}, open_session, 1);
    auto waiting = flame::async(pool, [] {
      return 7;
    });
    CHECK(eventually([&] {
      return pool.stats().queued == 1;
    }));
    CHECK(waiting.wait_for(100ms) == std::future_status::timeout);
    end(opened.workers[0]);
    REQUIRE(waiting.wait_for(30s) == std::future_status::ready);
    CHECK(waiting.get() == 7);
  });
}

TEST_CASE("the results of futures and of actors are tracked too") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1, .track_resources = true});
    auto future = flame::async(pool, open_session, 1);
    REQUIRE(future.wait_for(30s) == std::future_status::ready);
    auto first = future.get();
    CHECK(pool.stats().in_use == 1);
    std::promise<session> said;
    node().system().spawn([&](caf::event_based_actor* self) {
      flame::call(self, pool, open_session, 1).then([&](const session& result) {
        said.set_value(result);
      });
    });
    auto second = said.get_future().get();
    CHECK(is_in_use(pool, 2));
    end(first.workers[0]);
    CHECK(is_in_use(pool, 1));
    end(second.workers[0]);
    CHECK(is_in_use(pool, 0));
  });
}

TEST_CASE("handles, statically typed ones and ranges are tracked as they are") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1, .track_resources = true});
    auto plain = flame::call(pool, open_worker);
    CHECK(pool.stats().in_use == 1);
    end(plain);
    CHECK(is_in_use(pool, 0));
    auto typed = flame::call(pool, open_gauge);
    CHECK(pool.stats().in_use == 1);
    end(typed);
    CHECK(is_in_use(pool, 0));
    auto many = flame::call(pool, open_sessions, 2);
    CHECK(pool.stats().in_use == 1);
    for (auto& each : many)
      end(each.workers[0]);
    CHECK(is_in_use(pool, 0));
  });
}

TEST_CASE("a resource whose handle is dropped goes on, and holds its slot") {
  auto pool = new_pool("process", {.max = 1, .track_resources = true});
  caf::actor_id id = flame::call(pool, open_worker).id();
  CHECK_FALSE(eventually(
    [&] {
      return pool.stats().in_use == 0;
    },
    200ms));
  flame::call(
    pool, {.track = false},
    [](caf::actor_id which) {
      auto found = flame::this_node()->system().registry().get(which);
      caf::anon_send_exit(caf::actor_cast<caf::actor>(found),
                          caf::exit_reason::user_shutdown);
    },
    id);
  CHECK(is_in_use(pool, 0));
}

TEST_CASE("the resources of a runner that is killed hold nothing") {
  auto pool = new_pool("process", {.max = 1, .max_concurrency = 1});
  for (int i = 0; i < 3; ++i) {
    auto opened = flame::call(pool, {.track = true}, open_session, 2);
    CHECK(pool.stats().in_use == 1);
    ::kill(opened.pid, SIGKILL);
    CHECK(is_in_use(pool, 0));
  }
  // The place of the runner is free as well.
  CHECK(flame::call(pool,
                    [] {
                      return 7;
                    })
        == 7);
}

TEST_CASE(
  "who waits for the slot of a resource does not fail with its runner") {
  auto pool = new_pool("process", {.max = 1, .max_concurrency = 1});
  for (int i = 0; i < 3; ++i) {
    auto opened = flame::call(pool, {.track = true}, open_session, 1);
    auto waiting = flame::async(pool, [] {
      return 7;
    });
    CHECK(eventually([&] {
      return pool.stats().queued == 1;
    }));
    ::kill(opened.pid, SIGKILL);
    CHECK(waiting.get() == 7);
  }
}

TEST_CASE("a runner is let go in time whose resources outlive shutdown") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1, .shutdown_timeout = 100ms});
    auto opened = flame::call(pool, {.track = true}, open_session, 1);
    CHECK(pool.stats().in_use == 1);
    auto begun = std::chrono::steady_clock::now();
    pool.shutdown();
    CHECK(std::chrono::steady_clock::now() - begun < 10s);
    CHECK(pool.stats().in_use == 0);
    end(opened.workers[0]);
  });
}
