#include "tree_printer.hpp"

#include <cerrno>
#include <csignal>
#include <exception>

#include <poll.h>
#include <unistd.h>

#include "threads.hpp"

namespace flame::detail {

namespace {

/// The handler has no other way to its object.
std::atomic<tree_printer*> printer_in_use = nullptr;

/// As one piece, past the streams: `main` may hold their locks.
void print(const std::string& text) {
  [[maybe_unused]] auto ignored =
    ::write(STDERR_FILENO, text.data(), text.size());
}

} // namespace

void tree_printer::on_signal(int) {
  auto before = errno;
  if (auto* self = printer_in_use.load())
    self->waker_.wake();
  errno = before;
}

tree_printer::tree_printer(std::function<std::string()> text)
  : text_(std::move(text)) {
  struct sigaction found = {};
  if (sigaction(SIGUSR1, nullptr, &found) != 0 || found.sa_handler != SIG_DFL)
    return;
  thread_ = start_thread("flame.tree", [this] {
    watch();
  });
  printer_in_use = this;
  struct sigaction action = {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR1, &action, nullptr);
}

tree_printer::~tree_printer() {
  if (!thread_.joinable())
    return;
  // The handler stays, and does nothing: who asks too late does not end the
  // process.
  printer_in_use = nullptr;
  is_over_ = true;
  waker_.wake();
  thread_.join();
}

void tree_printer::watch() {
  pollfd alarm{waker_.fd(), POLLIN, 0};
  while (true) {
    ::ppoll(&alarm, 1, nullptr, nullptr);
    waker_.drain();
    if (is_over_)
      return;
    try {
      print(text_());
    } catch (const std::exception& error) {
      print(std::string{"error: "} + error.what() + '\n');
    }
  }
}

} // namespace flame::detail
