#include <iostream>

#include <flame/flame.hpp>

#include "thumbnail.hpp"

namespace {

struct frame {
  double second;
  picture jpeg;
};

/// Runs on a runner, and sends each picture as soon as there is one.
void thumbnails(std::stop_token stop, flame::emitter<frame>& out,
                const std::string& video, int count) {
  for (int i = 0; i < count && !stop.stop_requested(); ++i)
    out(frame{double(i), thumbnail(i, video)});
}

} // namespace

int main(int argc, char** argv) {
  return flame::run(argc, argv, [](flame::node& node) {
    auto video = video_of(node.args());
    auto pool = node.pool(
      "ffmpeg", {.max = 2, .max_concurrency = 1, .backend = "process"});
    for (auto& each : flame::stream(pool, thumbnails, video, 4)) {
      std::cout << each.second << " s: " << each.jpeg.size() << " bytes\n";
      if (each.second == 2)
        break; // nobody listens any more: the function is asked to stop
    }
  });
}
