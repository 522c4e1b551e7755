#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/test_main.hpp"

using namespace std::chrono_literals;
using namespace tests;

namespace {

/// While it lives, this process can open `left` more descriptors and no others.
class shortage {
public:
  explicit shortage(std::size_t left) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    auto lowered = before_;
    lowered.rlim_cur = 256;
    ::setrlimit(RLIMIT_NOFILE, &lowered);
    for (;;) {
      flame::detail::unique_fd fd{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
      if (!fd)
        break;
      taken_.push_back(std::move(fd));
    }
    REQUIRE(taken_.size() > left);
    taken_.resize(taken_.size() - left);
  }

  ~shortage() {
    ::setrlimit(RLIMIT_NOFILE, &before_);
  }

  shortage(const shortage&) = delete;
  shortage& operator=(const shortage&) = delete;

private:
  rlimit before_{};
  std::vector<flame::detail::unique_fd> taken_;
};

flame::detail::unique_fd one_end() {
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  ::close(ends[1]);
  return flame::detail::unique_fd{ends[0]};
}

using boot_result = flame::backend::boot_result;

/// Boots a program that ends by itself, with `left` descriptors.
boot_result boot_with(flame::backend& provider, std::size_t left) {
  auto ended = std::make_shared<std::promise<void>>();
  auto result = std::make_shared<std::promise<boot_result>>();
  flame::boot_request request;
  request.command = {"/bin/true"};
  request.sockets = {one_end(), one_end()};
  request.on_output = [](const std::string&) {};
  request.on_exit = [ended](const flame::exit_info&) {
    ended->set_value();
  };
  shortage none{left};
  provider.boot(std::move(request), [result](boot_result it) {
    result->set_value(std::move(it));
  });
  auto booted = result->get_future().get();
  if (booted)
    ended->get_future().get();
  return booted;
}

} // namespace

TEST_CASE("the process backend boots or says that descriptors are short") {
  auto provider = flame::backend_registry{}.make("process");
  std::size_t left = 0;
  for (; left < 40; ++left) {
    CAPTURE(left);
    auto result = boot_with(*provider, left);
    if (result)
      break;
    CHECK(flame::code_of(result.error()) == flame::errc::out_of_resources);
    auto text = flame::describe(result.error());
    CAPTURE(text);
    CHECK(text.find("Too many open files") != text.npos);
  }
  CHECK(left > 5);
  CHECK(left < 40);
}

TEST_CASE(
  "a boot without descriptors fails with the cause, a later one works") {
  on_each_backend([](const std::string& backend) {
    // This thread has what it needs to wait. No pool is shut down: what that
    // closes later could be used while descriptors are short.
    flame::call(new_pool(backend), [] {});
    std::vector<flame::pool> pools;
    // A local runner takes five.
    for (std::size_t left = 0; left < 5; ++left) {
      CAPTURE(left);
      auto& pool = pools.emplace_back(new_pool(backend));
      shortage some{left};
      auto error = failure_of([&] {
        flame::call(pool, {.timeout = 200ms}, [] {});
      });
      std::string text = error.what();
      CAPTURE(text);
      CHECK(error.code() == flame::errc::boot_failed);
      CHECK(text.find("Too many open files") != text.npos);
    }
    for (auto& pool : pools)
      CHECK(flame::call(pool,
                        [] {
                          return 1;
                        })
            == 1);
  });
}

TEST_CASE("a thread without a descriptor to wait with is refused, and only so "
          "long") {
  auto pool = new_pool("process", {.max = 1, .max_concurrency = 1});
  // Leaves a lane behind, so that the next call needs no descriptor for one.
  flame::call(pool, [] {});
  // A thread that has made no call yet.
  std::async(std::launch::async, [&] {
    {
      shortage none{0};
      auto error = failure_of([&] {
        flame::call(pool, [] {});
      });
      CHECK(error.code() == flame::errc::out_of_resources);
    }
    auto busy = flame::async(pool, [] {
      std::this_thread::sleep_for(50ms);
    });
    CHECK(eventually([&] {
      return pool.stats().in_use == 1;
    }));
    // Waits in the queue, to be woken up.
    CHECK(flame::call(pool, {.timeout = 10s},
                      [] {
                        return 1;
                      })
          == 1);
  }).get();
}

TEST_CASE("a runner without descriptors fails the call that needs one alone") {
  auto pool = new_pool("process", {.max = 1, .max_concurrency = 3});
  static std::vector<int> taken;
  auto wait_for_stop = [](std::stop_token stop) {
    while (!stop.stop_requested())
      std::this_thread::sleep_for(1ms);
    return 1;
  };
  auto short_wait = [](int ms) {
    std::this_thread::sleep_for(std::chrono::milliseconds{ms});
    return 2;
  };
  flame::call(pool, [] {});
  auto bystander = flame::async(pool, {.timeout = 3s}, wait_for_stop);
  flame::call(pool, [] {
    rlimit limit{64, 64};
    ::setrlimit(RLIMIT_NOFILE, &limit);
    for (int fd; (fd = ::open("/dev/null", O_RDONLY)) >= 0;)
      taken.push_back(fd);
  });
  // Two lanes there are; both are in use now.
  auto other = flame::async(pool, short_wait, 1000);
  auto error = failure_of([&] {
    flame::call(pool, [] {});
  });
  CHECK(error.code() == flame::errc::out_of_resources);
  CHECK(std::string{error.what()}.find("no descriptors left")
        != std::string::npos);
  CHECK(other.get() == 2);
  flame::call(pool, [] {
    for (auto fd : taken)
      ::close(fd);
    taken.clear();
  });
  std::vector<std::future<int>> more;
  for (int i = 0; i < 2; ++i)
    more.push_back(flame::async(pool, short_wait, 10));
  for (auto& each : more)
    CHECK(each.get() == 2);
  CHECK(failure_of([&] {
          bystander.get();
        }).code()
        == flame::errc::timeout);
  CHECK(pool.stats().lost == 0);
  CHECK(pool.stats().boots == 1);
}
