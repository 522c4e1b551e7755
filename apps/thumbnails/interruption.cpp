#include "interruption.hpp"

#include <csignal>

#include <unistd.h>

namespace thumbnails {

interruption::interruption()
  : signals_(io_, SIGINT, SIGTERM),
    thread_([this] {
      wait();
      io_.run();
    }) {
  // nop
}

interruption::~interruption() {
  io_.stop();
  thread_.join();
}

void interruption::wait() {
  signals_.async_wait([this](const boost::system::error_code& ec, int) {
    if (ec)
      return;
    if (source_.stop_requested())
      ::_exit(status_interrupted);
    wait();
    source_.request_stop();
  });
}

} // namespace thumbnails
