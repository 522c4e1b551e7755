#include "system_config.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <thread>

#include <pthread.h>

#include <caf/io/middleman.hpp>
#include <caf/io/network/multiplexer.hpp>
#include <caf/policy/work_sharing.hpp>
#include <caf/policy/work_stealing.hpp>
#include <caf/scheduler/coordinator.hpp>

#include "flame/detail/caf.hpp"
#include "flame/node.hpp"
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

template <class Policy>
void add_workers(caf::scheduler::abstract_coordinator& scheduler,
                 std::vector<std::thread::id>& to) {
  using coordinator = caf::scheduler::coordinator<Policy>;
  auto* known = dynamic_cast<coordinator*>(&scheduler);
  for (std::size_t i = 0; known && i < known->num_workers(); ++i)
    to.push_back(known->worker_by_id(i)->get_thread().get_id());
}

} // namespace

system_config::system_config(std::size_t threads) {
  configure(*this);
  // Calls run on lanes, so that the scheduler has actors only.
  if (threads == 0)
    threads = std::clamp(std::thread::hardware_concurrency(), 2u, 8u);
  set("scheduler.max-threads", threads);
}

std::vector<std::thread::id> scheduler_threads(caf::actor_system& system) {
  std::vector<std::thread::id> result;
  add_workers<caf::policy::work_sharing>(system.scheduler(), result);
  add_workers<caf::policy::work_stealing>(system.scheduler(), result);
  if (system.has_middleman())
    result.push_back(system.middleman().backend().thread_id());
  return result;
}

} // namespace flame::detail

namespace flame {

void configure(caf::actor_system_config& config) {
  // Workers that poll for work of others cost a remote request 200 us, and an
  // idle node 1.4 % of a CPU.
  config.set("scheduler.policy", caf::atom("sharing"));
  config.set("middleman.workers", std::size_t{0});
  config.load<caf::io::middleman>();
  config.add_thread_hook<detail::scheduler_marker>();
}

} // namespace flame
