#include <iostream>

#include <signal.h>

#include "uploads.hpp"

int main(int argc, char** argv) {
  return flame::run(argc, argv, [](flame::node& node) {
    auto video = video_of(node.args());
    auto pool = node.pool("ffmpeg", {.max = 2, .backend = "process"});
    caf::scoped_actor tab{node.system()};
    auto uploads = flame::spawn_supervisor(
      node.system(),
      {.name = "uploads",
       .strategy = flame::strategy::dynamic,
       .children = {
         {.id = "upload",
          .start = flame::here(upload, pool, caf::actor_cast<caf::actor>(tab)),
          .restart = flame::restart::transient}}});
    uploads.start_one(video);
    int killed = 0;
    bool done = false;
    tab->receive_while([&] {
      return !done;
    })(
      [&](double second, std::size_t bytes, int runner) {
        std::cout << second << " s: " << bytes << " bytes\n";
        if (second == 1 && killed++ == 0)
          ::kill(runner, SIGKILL);
      },
      [&](const std::string& news) {
        std::cout << news << '\n';
        done = true;
      });
    uploads.shutdown();
  });
}
