// An actor for each upload, as it is from here on.
#pragma once

#include <unistd.h>

#include <flame/flame.hpp>

#include "thumbnail.hpp"

/// What a runner sends.
struct frame {
  double second;
  picture jpeg;
  /// The runner's process.
  int pid;
};

/// Runs on a runner, and sends each picture as soon as there is one.
inline void thumbnails(std::stop_token stop, flame::emitter<frame>& out,
                       const std::string& video, int count) {
  for (int i = 0; i < count && !stop.stop_requested(); ++i)
    out(frame{double(i), thumbnail(i, video), ::getpid()});
}

/// Looks after one upload. `tab` is what shows it: it gets (second, bytes,
/// runner) for each picture, and "done".
inline caf::behavior upload(caf::event_based_actor* self,
                            const flame::pool& pool, const caf::actor& tab,
                            const std::string& video) {
  // The tab is closed: this ends, and so does its function on the runner.
  self->monitor(tab);
  self->set_down_handler([self](const caf::down_msg& down) {
    self->quit(down.reason);
  });
  flame::stream(self, pool, thumbnails, video, 4)
    .then(
      [=](const frame& each) {
        self->send(tab, each.second, each.jpeg.size(), each.pid);
      },
      [=] {
        self->send(tab, std::string{"done"});
        self->quit();
      },
      [=](const flame::call_error& error) {
        // No orderly end: whoever supervises this starts it again.
        self->quit(flame::make_error(error.code(), error.what()));
      });
  return {
    [=](const std::string&) {
      // Nobody tells it anything. An actor needs a handler to stay alive.
    },
  };
}
