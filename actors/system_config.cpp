#include "system_config.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <thread>

#include <pthread.h>

#include <caf/io/middleman.hpp>

#include "flame/detail/caf.hpp"
#include "threads.hpp"

namespace flame::detail {

namespace {

/// Marks the threads of the scheduler, each from within as it starts. CAF has
/// given them their names by then, which is how they differ from those of
/// detached actors. Later the name says nothing: threads that an actor starts
/// inherit it.
class scheduler_marker final : public caf::thread_hook {
public:
  void init(caf::actor_system&) override {
    // nop
  }

  void thread_started() override {
    // 0.17 names workers and I/O thread alike.
    std::array<char, 16> name{};
    pthread_getname_np(pthread_self(), name.data(), name.size());
    std::string_view own{name.data()};
    for (std::string_view taken :
         {"caf.multiplexer", "caf.worker", "caf.clock", "caf.net"})
      if (own.starts_with(taken))
        mark_scheduler_thread();
  }

  void thread_terminates() override {
    // nop
  }
};

} // namespace

system_config::system_config(std::size_t threads) {
  // Workers that poll for work of others cost a remote request 200 us, and an
  // idle node 1.4 % of a CPU.
  set("scheduler.policy", caf::atom("sharing"));
  set("middleman.workers", std::size_t{0});
  // Calls run on lanes, so that the scheduler has actors only.
  if (threads == 0)
    threads = std::clamp(std::thread::hardware_concurrency(), 2u, 8u);
  set("scheduler.max-threads", threads);
  load<caf::io::middleman>();
  add_thread_hook<scheduler_marker>();
}

} // namespace flame::detail
