#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/set.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>

#include "slot_table.hpp"

namespace flame::detail {

class reactor;

/// Work that nobody waits for on a thread: it has a deadline, and it can be
/// cancelled. The reactor holds a reference while it watches.
class pending_work : public boost::intrusive::set_base_hook<>,
                     public boost::intrusive_ref_counter<pending_work> {
public:
  virtual ~pending_work() = default;

  /// Ends the work because whoever asked for it has ended, with `reason`. Any
  /// thread.
  virtual void cancel(const caf::error& reason) = 0;

  time_point deadline() const noexcept {
    return deadline_;
  }

  friend bool operator<(const pending_work& lhs,
                        const pending_work& rhs) noexcept {
    return lhs.deadline_ < rhs.deadline_;
  }

protected:
  time_point deadline_ = time_point::max();

private:
  friend class reactor;

  /// Called on the reactor's thread, without locks.
  virtual void expired() = 0;
};

/// The one thread of a node that waits on lanes for actors and futures, and
/// that watches their deadlines. A blocking caller does not need it.
///
/// Thread-safe.
class reactor {
public:
  reactor();
  ~reactor();

  reactor(const reactor&) = delete;
  reactor& operator=(const reactor&) = delete;

  boost::asio::io_context& io() noexcept {
    return io_;
  }

  /// Watches `entry.deadline()`. An entry without one is not watched.
  void watch(pending_work& entry);

  /// Ends the watch. The entry may expire at this very moment all the same.
  void unwatch(pending_work& entry);

  /// Runs `step`, which may take long, on another thread than that which waits
  /// on lanes.
  void run_aside(std::function<void()> step);

  /// Runs `step` on the thread that waits on lanes: at `when`, or sooner if the
  /// threads are about to end.
  void run_at(time_point when, std::function<void()> step);

  /// Ends the threads once nothing is under way any more, which the end of the
  /// pools has seen to. Nothing may be started after.
  void stop();

private:
  using entry_set = boost::intrusive::multiset<pending_work>;

  /// Sets the timer, with the mutex held: threads may post their wish for it in
  /// another order than they put down `armed_`.
  void arm();
  void expire();

  using work_guard =
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type>;

  boost::asio::io_context io_{1};
  work_guard work_{io_.get_executor()};
  boost::asio::steady_timer timer_{io_};
  std::mutex mutex_;
  entry_set entries_;
  /// One timer serves all entries; it is set again only for an earlier one, so
  /// that a call that returns in time costs no timer operation.
  time_point armed_ = time_point::max();
  bool stopping_ = false;
  /// What waits for its time. Of the thread alone, as is whether it is to wait.
  std::list<boost::asio::steady_timer> pauses_;
  bool is_ending_ = false;
  std::thread thread_;
  /// Made when first needed.
  boost::asio::io_context aside_{1};
  std::optional<work_guard> aside_work_;
  std::thread aside_thread_;
};

} // namespace flame::detail
