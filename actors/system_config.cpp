#include "system_config.hpp"

#include <algorithm>
#include <thread>

#include <caf/io/middleman.hpp>

#include "flame/detail/caf.hpp"

namespace flame::detail {

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
}

} // namespace flame::detail
