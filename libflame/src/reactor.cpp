#include "reactor.hpp"

#include <vector>

#include <boost/asio/post.hpp>

#include "threads.hpp"

namespace flame::detail {

namespace {

/// Entries that expire before the loop does something else. Each takes some
/// microseconds, and 100,000 callers may give up at the same time.
constexpr std::size_t expired_at_a_time = 64;

} // namespace

reactor::reactor() {
  thread_ = start_thread("flame.reactor", [this] {
    io_.run();
  });
}

reactor::~reactor() {
  stop();
}

void reactor::stop() {
  if (!thread_.joinable())
    return;
  {
    std::lock_guard guard{mutex_};
    stopping_ = true;
    timer_.cancel();
  }
  boost::asio::post(io_, [this] {
    is_ending_ = true;
    for (auto& each : pauses_)
      each.cancel();
  });
  // Whoever still waits for an outcome has been given one by now, which may be
  // on its way: the loop ends when that is done.
  work_.reset();
  thread_.join();
  if (aside_thread_.joinable()) {
    aside_work_.reset();
    aside_thread_.join();
  }
  std::vector<boost::intrusive_ptr<pending_work>> dropped;
  std::lock_guard guard{mutex_};
  entries_.clear_and_dispose([&](pending_work* entry) {
    dropped.emplace_back(entry, false);
  });
}

void reactor::run_aside(std::function<void()> step) {
  {
    std::lock_guard guard{mutex_};
    if (!aside_work_) {
      aside_work_.emplace(aside_.get_executor());
      aside_thread_ = start_thread("flame.decode", [this] {
        aside_.run();
      });
    }
  }
  boost::asio::post(aside_, std::move(step));
}

void reactor::run_at(time_point when, std::function<void()> step) {
  boost::asio::post(io_, [this, when, step = std::move(step)] {
    if (is_ending_)
      return step();
    auto timer = pauses_.emplace(pauses_.end(), io_, when);
    timer->async_wait([this, timer, step](const auto&) {
      pauses_.erase(timer);
      step();
    });
  });
}

void reactor::watch(pending_work& entry) {
  if (entry.deadline_ == time_point::max())
    return;
  bool earlier = false;
  {
    std::lock_guard guard{mutex_};
    intrusive_ptr_add_ref(&entry);
    entries_.insert(entry);
    if (entry.deadline_ < armed_) {
      armed_ = entry.deadline_;
      earlier = true;
    }
  }
  if (earlier)
    boost::asio::post(io_, [this] {
      std::lock_guard guard{mutex_};
      arm();
    });
}

void reactor::unwatch(pending_work& entry) {
  std::lock_guard guard{mutex_};
  if (!entry.is_linked())
    return;
  entries_.erase(entries_.iterator_to(entry));
  intrusive_ptr_release(&entry);
}

void reactor::arm() {
  if (stopping_)
    return;
  timer_.expires_at(armed_);
  timer_.async_wait([this](const boost::system::error_code& ec) {
    if (!ec)
      expire();
  });
}

void reactor::expire() {
  std::vector<boost::intrusive_ptr<pending_work>> due;
  auto now = std::chrono::steady_clock::now();
  {
    std::lock_guard guard{mutex_};
    while (due.size() < expired_at_a_time && !entries_.empty()
           && entries_.begin()->deadline_ <= now) {
      auto& entry = *entries_.begin();
      entries_.erase(entries_.begin());
      due.emplace_back(&entry, false);
    }
    // In the past, if there are more: the timer passes at once, after what else
    // is ready.
    armed_ = entries_.empty() ? time_point::max() : entries_.begin()->deadline_;
    if (armed_ != time_point::max())
      arm();
  }
  for (auto& entry : due)
    entry->expired();
}

} // namespace flame::detail
