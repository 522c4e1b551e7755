#include <iostream>

#include <signal.h>

#include "uploads.hpp"

int main(int argc, char** argv) {
  return flame::run(argc, argv, [](flame::node& node) {
    auto video = video_of(node.args());
    auto pool = node.pool(
      "ffmpeg", {.max = 2, .max_concurrency = 1, .backend = "process"});
    caf::scoped_actor tab{node.system()};
    auto uploads = flame::spawn_supervisor(
      node.system(),
      {.name = "uploads",
       .strategy = flame::strategy::dynamic,
       .children = {
         {.id = "upload",
          .start = flame::here(upload, pool, caf::actor_cast<caf::actor>(tab)),
          .restart = flame::restart::transient}}});
    tab->monitor(uploads.handle());
    uploads.start_one(video);
    int killed = 0;
    bool is_over = false;
    tab->receive_while([&] {
      return !is_over;
    })(
      [&](double second, std::size_t bytes, int runner) {
        std::cout << second << " s: " << bytes << " bytes\n";
        // With the local backend, the runner would be this process.
        if (second == 1 && killed++ == 0 && runner != ::getpid())
          ::kill(runner, SIGKILL);
      },
      [&](const std::string& news) {
        std::cout << news << '\n';
        is_over = true;
      },
      [&](const caf::down_msg& supervisor) {
        // More restarts than it is allowed: it has given up.
        std::cout << flame::describe(supervisor.reason) << '\n';
        is_over = true;
      });
    uploads.shutdown();
  });
}
