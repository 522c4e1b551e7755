#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "failure.hpp"
#include "flame/codec.hpp"
#include "flame/detail/signals.hpp"
#include "flame/detail/unique_fd.hpp"
#include "frame.hpp"
#include "waker.hpp"

namespace flame::detail {

/// What may come over a `lanes` socket without a lane: stop everything, or what
/// is linked.
inline constexpr char order_to_stop = 'S';
inline constexpr char order_to_stop_linked = 's';

/// What one lane is served with at the moment. In memory that outlives the
/// process.
struct serving_state {
  /// It can take requests.
  std::atomic<bool> is_ready = false;
  /// A request has been taken, and not answered.
  std::atomic<bool> is_busy = false;
  /// A frame is under way to the parent, which nothing may come in between.
  std::atomic<bool> is_sending = false;
};

/// Says on a lane that nobody serves why, without waiting.
void refuse_lane(int fd, const remote_failure& why);

/// The runner's end of its lanes: runs what comes on them.
///
/// Each lane is served by a thread of its own, which reads a request, runs the
/// function and writes the answer, so that a call costs no hand-over and never
/// runs on a thread of CAF's scheduler. One more thread watches: it takes new
/// lanes from the `lanes` socket, and notices when the parent ends its half of
/// a lane (stop this call) or all of it (the parent is gone).
///
/// Thread-safe.
class lane_server {
public:
  struct options {
    /// Longest body of a request or a result, in bytes.
    std::uint64_t max_body = std::uint64_t{1} << 30;
    /// Decodes and encodes actor handles.
    std::shared_ptr<codec_context> handles;
    /// Whether the end of the `lanes` socket means that the parent is gone.
    bool watch_parent = true;
    /// The signals that functions run with blocked, and that programs which
    /// they start inherit. By default those of the thread that makes this.
    sigset_t blocked_signals = own_signal_mask();
    /// What the files of failed calls are named after.
    std::string runner = {};
    /// Calls on each lane before the server ends it; 0 for no limit.
    std::size_t max_calls = 0;
    /// Added to the text of a `std::bad_alloc`: which limit was set.
    std::string memory_note = {};
    /// Where the server says what it is at, for whoever finds out that its
    /// process has ended. May be null.
    serving_state* state = nullptr;
  };

  /// What the server does to its surroundings. Must not block.
  struct callbacks {
    /// Called once, on the watching thread.
    std::function<void()> on_parent_gone;
    /// The last call with `link: false` has ended. Called on a lane's thread.
    std::function<void()> on_unlinked_done = [] {};
    /// One has begun where none was. Called on a lane's thread.
    std::function<void()> on_unlinked_began = [] {};
    /// Has a worker serve this lane, of which it takes a copy. Called on the
    /// watching thread.
    /// @returns why that cannot be, or nothing
    std::function<std::optional<remote_failure>(int)> on_worker_lane = [](int) {
      return remote_failure{
        errc::invalid_configuration,
        "calls on this runner cannot be isolated: it serves "
        "them on its own threads",
        {}};
    };
    /// The last lane has ended. Called on the watching thread.
    std::function<void()> on_last_lane_ended = [] {};
  };

  /// @param lanes the socket over which the parent passes lanes
  /// @throws call_error `out_of_resources`, or a std::system_error, when the
  ///         system refuses descriptors or threads
  lane_server(unique_fd lanes, options opts, callbacks calls);

  /// Closes all lanes, and waits for the functions that run.
  ~lane_server();

  lane_server(const lane_server&) = delete;
  lane_server& operator=(const lane_server&) = delete;

  /// Serves a lane that did not come over the socket.
  void serve(unique_fd lane) {
    adopt(std::move(lane));
  }

  /// Asks every function to stop that has a stop token: those that run, and
  /// those that begin from now on. Does not wait for what they do about it.
  /// @param unlinked_too whether this includes calls with `link: false`
  void request_stop(bool unlinked_too);

  /// Functions of calls with `link: false` that run now.
  std::size_t running_unlinked() const noexcept;

  /// Functions that run now.
  std::size_t running() const noexcept;

private:
  class served_lane;

  void watch();
  void accept_lanes();
  void adopt(unique_fd fd);
  void pass_on(unique_fd fd);
  void lane_changed(std::uint32_t events, std::uint64_t id);
  void reap();
  void call_began(bool is_unlinked);
  void call_ended(bool was_unlinked);

  const options options_;
  const callbacks calls_;
  unique_fd lanes_;
  unique_fd epoll_;
  waker quit_;
  mutable std::mutex mutex_;
  std::list<std::unique_ptr<served_lane>> served_;
  std::uint64_t last_id_ = 0;
  std::atomic<std::size_t> running_ = 0;
  std::atomic<std::size_t> running_unlinked_ = 0;
  bool quitting_ = false;
  std::atomic<bool> stopping_linked_ = false;
  std::atomic<bool> stopping_all_ = false;
  std::thread watcher_;
};

} // namespace flame::detail
