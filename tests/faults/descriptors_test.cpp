#include <fcntl.h>
#include <sys/resource.h>
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

} // namespace

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
  pool.shutdown();
}
