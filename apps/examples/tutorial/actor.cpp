#include <iostream>

#include "uploads.hpp"

int main(int argc, char** argv) {
  return flame::run(argc, argv, [](flame::node& node) {
    auto video = video_of(node.args());
    auto pool = node.pool(
      "ffmpeg", {.max = 2, .max_concurrency = 1, .backend = "process"});
    caf::scoped_actor tab{node.system()};
    tab->monitor(node.system().spawn(upload, pool,
                                     caf::actor_cast<caf::actor>(tab), video));
    bool is_over = false;
    tab->receive_while([&] {
      return !is_over;
    })(
      [](double second, std::size_t bytes, int) {
        std::cout << second << " s: " << bytes << " bytes\n";
      },
      [](const std::string& news) {
        std::cout << news << '\n';
      },
      [&](const caf::down_msg& upload) {
        if (upload.reason)
          std::cout << flame::describe(upload.reason) << '\n';
        is_over = true;
      });
  });
}
