#include "web/open_connections.hpp"

#include <iterator>
#include <vector>

namespace web {

std::unique_ptr<open_connections::ticket> open_connections::enter() {
  std::lock_guard guard{mutex_};
  if (is_closing_ || closers_.size() >= most_)
    return nullptr;
  closers_.emplace_back();
  return std::make_unique<ticket>(*this, std::prev(closers_.end()));
}

void open_connections::close() {
  std::vector<std::function<void()>> all;
  std::unique_lock guard{mutex_};
  is_closing_ = true;
  for (auto& each : closers_)
    if (each)
      all.push_back(each);
  // Not with the mutex held: whoever is closed may be gone with that.
  guard.unlock();
  for (auto& each : all)
    each();
  guard.lock();
  empty_.wait(guard, [this] {
    return closers_.empty();
  });
}

open_connections::ticket::~ticket() {
  std::lock_guard guard{of_.mutex_};
  of_.closers_.erase(where_);
  if (of_.closers_.empty())
    of_.empty_.notify_all();
}

void open_connections::ticket::on_close(std::function<void()> close) {
  {
    std::lock_guard guard{of_.mutex_};
    *where_ = close;
    if (!of_.is_closing_)
      return;
  }
  close();
}

} // namespace web
