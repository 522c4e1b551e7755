#include <iostream>

#include <flame/flame.hpp>

#include "thumbnail.hpp"

namespace {

/// Runs on a runner, and tells all who watch.
int thumbnails(const std::string& topic, const std::string& video, int count) {
  auto bus = flame::this_pubsub();
  for (int i = 0; i < count; ++i)
    bus.publish(topic, double(i), thumbnail(i, video));
  return count;
}

/// What shows an upload.
caf::behavior tab(caf::stateful_actor<int>* self, int number, int count) {
  return {
    [=](caf::publish_atom, const std::string& topic, double second,
        const picture& jpeg) {
      std::cout << ("tab " + std::to_string(number) + ", " + topic + ": "
                    + std::to_string(int(second)) + " s, "
                    + std::to_string(jpeg.size()) + " bytes\n");
      if (++self->state == count)
        self->quit();
    },
  };
}

} // namespace

int main(int argc, char** argv) {
  return flame::run(argc, argv, [](flame::node& node) {
    auto video = video_of(node.args());
    caf::scoped_actor self{node.system()};
    auto first = node.system().spawn(tab, 1, 3);
    auto second = node.system().spawn(tab, 2, 3);
    node.pubsub().subscribe(first, "upload:7");
    node.pubsub().subscribe(second, "upload:7");
    // What the pool is like stands in the configuration.
    flame::call(node.pool("ffmpeg"), {.idempotent = true}, thumbnails,
                "upload:7", video, 3);
    self->wait_for(first, second);
  });
}
