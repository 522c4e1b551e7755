#pragma once

#include <atomic>
#include <csignal>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "flame/detail/unique_fd.hpp"
#include "flame/options.hpp"
#include "lane_server.hpp"

namespace flame::detail {

/// What the workers of a runner are.
struct worker_options {
  /// The runner's name.
  std::string runner;
  /// Longest body of a request or a result, in bytes.
  std::uint64_t max_body = 0;
  /// Time that a function gets to end after it was asked to; then its worker is
  /// killed.
  duration stop_grace{};
  /// See `pool_options`.
  std::size_t memory_limit = 0;
  std::size_t max_calls = 0;
  /// The signals that functions run with blocked.
  sigset_t blocked_signals{};
  /// What the program does in each worker before its first call. May be empty.
  std::function<void()> start = {};
};

/// The process that workers are forked from, as its runner sees it.
///
/// A process with threads cannot be forked and go on: another thread may hold
/// the lock of an allocator. So a runner forks its zygote before it has any, and
/// whatever is forked from that has one thread, and memory as it was then.
///
/// | who ends | what happens |
/// |---|---|
/// | a worker with a call | the zygote, its parent, has its exit status, and says on the lane how it ended; then the lane ends |
/// | a worker between two calls | the zygote forks another one for its lane |
/// | the zygote | the kernel kills its workers; the runner ends |
/// | the runner | the kernel kills the zygote, and with it the workers |
/// | the caller | the parent half-closes the lane: the worker sets the stop token, and is killed after `stop_grace` |
///
/// So a lane that ends without a word means that the runner is gone, and one
/// that says `call_crashed` that the worker is: the zygote holds the runner's
/// end of each lane, too. Thread-safe, but for `watch`.
class zygote {
public:
  struct callbacks {
    /// The last call with `link: false` in a worker has ended.
    std::function<void()> on_unlinked_done;
    /// The zygote has ended.
    std::function<void()> on_ended;
  };

  /// Forks.
  /// @param not_inherited descriptors that the zygote closes
  /// @throws call_error `invalid_configuration` in a process with threads,
  ///         `out_of_resources`
  zygote(worker_options options, const std::vector<int>& not_inherited);

  ~zygote();

  zygote(const zygote&) = delete;
  zygote& operator=(const zygote&) = delete;

  /// Starts to listen to the zygote, on a thread of its own.
  void watch(callbacks calls);

  /// Has a worker serve a lane.
  /// @returns why that cannot be at the moment, or nothing
  std::string serve(int lane);

  /// Asks the functions in all workers to stop.
  /// @param unlinked_too whether this includes calls with `link: false`
  void request_stop(bool unlinked_too);

  /// Workers with a call with `link: false`.
  std::size_t running_unlinked() const noexcept {
    return running_unlinked_;
  }

private:
  void listen(const callbacks& calls);

  unique_fd control_;
  std::atomic<std::size_t> running_unlinked_ = 0;
  std::thread thread_;
};

/// Threads of this process.
std::size_t count_threads();

/// What a worker tells its zygote, and that its runner: a call with
/// `link: false` has begun where none was, and the last has ended.
inline constexpr char unlinked_began = 'u';
inline constexpr char unlinked_ended = 'U';

/// Is the zygote, until the end of the process.
/// @param control the zygote's end of its connection to the runner
[[noreturn]] void run_zygote(worker_options options, unique_fd control);

/// What a worker is born with.
struct worker_birth {
  unique_fd lane;
  /// To the zygote; it ends when that does.
  unique_fd notes;
  /// Instead of standard error.
  unique_fd output;
  /// In memory that it shares with its zygote.
  serving_state* state = nullptr;
  pid_t zygote = 0;
};

/// Is a worker, until the end of the process.
[[noreturn]] void run_worker(const worker_options& options, worker_birth birth);

/// What is added to the text of an error that a lack of memory may be the cause
/// of: which limit was set. Empty without one.
std::string memory_note(const worker_options& options);

} // namespace flame::detail
