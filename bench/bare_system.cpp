// Makes an actor system with I/O, as a runner has it, says so on descriptor 3,
// and ends: what a cold start stands beside. Linked with CAF alone.
//
//   bare_system THREADS
#include <cstdlib>

#include <unistd.h>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/io/middleman.hpp>

int main(int argc, char** argv) {
  if (argc != 2)
    return 2;
  caf::actor_system_config config;
  config.set("scheduler.policy", caf::atom("sharing"));
  config.set("scheduler.max-threads",
             std::size_t{std::strtoul(argv[1], nullptr, 10)});
  config.set("middleman.workers", std::size_t{0});
  config.load<caf::io::middleman>();
  caf::actor_system system{config};
  char ready = 'r';
  // What it takes to end is not part of the figure.
  _exit(::write(3, &ready, 1) == 1 ? 0 : 1);
}
