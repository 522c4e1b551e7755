// Topics: a function on a runner publishes how far it is, and whoever wants to
// know subscribes.
//
//   FLAME_BACKEND=process pubsub
#include <iostream>
#include <string>

#include <flame/flame.hpp>

namespace {

/// What a browser tab that shows an upload is connected to.
caf::behavior tab(caf::event_based_actor* self) {
  return {
    [](caf::publish_atom, const std::string& topic, int percent) {
      std::cout << topic << ": " << percent << " %\n";
    },
    [self](caf::publish_atom, const std::string& topic,
           const std::string& outcome) {
      std::cout << topic << ": " << outcome << '\n';
      self->quit(); // it is subscribed to nothing any more
    },
  };
}

/// Runs on a runner.
void make_thumbnails(const std::string& upload) {
  auto bus = flame::this_pubsub();
  for (auto percent : {25, 50, 75})
    bus.publish(upload, percent);
  bus.publish(upload, "done");
}

} // namespace

int main(int argc, char** argv) {
  return flame::run(argc, argv, [](flame::node& node) {
    auto viewer = node.system().spawn(tab);
    node.pubsub().subscribe(viewer, "upload:7");
    flame::cast(node.pool("ffmpeg"), make_thumbnails, "upload:7");
    caf::scoped_actor self{node.system()};
    self->wait_for(viewer);
  });
}
