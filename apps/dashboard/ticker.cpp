#include "ticker.hpp"

#include <algorithm>

#include "web/threads.hpp"

namespace flame::dash {

ticker::ticker(const char* name, std::chrono::steady_clock::duration every,
               std::function<void()> what)
  : every_(every),
    what_(std::move(what)),
    thread_(web::start_thread(name, [this] {
      run();
    })) {
  // nop
}

ticker::~ticker() {
  {
    std::lock_guard guard{mutex_};
    is_over_ = true;
  }
  end_.notify_all();
  thread_.join();
}

void ticker::run() {
  auto next = std::chrono::steady_clock::now();
  std::unique_lock guard{mutex_};
  while (!is_over_) {
    guard.unlock();
    what_();
    next = std::max(next + every_, std::chrono::steady_clock::now());
    guard.lock();
    end_.wait_until(guard, next, [this] {
      return is_over_;
    });
  }
}

} // namespace flame::dash
