#include <iostream>

#include "uploads.hpp"

int main(int argc, char** argv) {
  return flame::run(argc, argv, [](flame::node& node) {
    auto video = video_of(node.args());
    auto pool = node.pool("ffmpeg", {.max = 2, .backend = "process"});
    caf::scoped_actor tab{node.system()};
    node.system().spawn(upload, pool, caf::actor_cast<caf::actor>(tab), video);
    bool done = false;
    tab->receive_while([&] {
      return !done;
    })(
      [](double second, std::size_t bytes, int) {
        std::cout << second << " s: " << bytes << " bytes\n";
      },
      [&](const std::string& news) {
        std::cout << news << '\n';
        done = true;
      });
  });
}
