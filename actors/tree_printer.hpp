#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>

#include "waker.hpp"

namespace flame::detail {

/// What SIGUSR1 does: it has a text printed on standard error, by a thread of its
/// own. Where the program has said what SIGUSR1 does, or says so later, that
/// counts, and this does nothing. One at a time.
class tree_printer {
public:
  explicit tree_printer(std::function<std::string()> text);

  /// Waits for what is being printed.
  ~tree_printer();

  tree_printer(const tree_printer&) = delete;
  tree_printer& operator=(const tree_printer&) = delete;

private:
  static void on_signal(int signal);
  void watch();

  std::function<std::string()> text_;
  waker waker_;
  std::atomic<bool> is_over_ = false;
  std::thread thread_;
};

} // namespace flame::detail
