#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>

#include "flame/backend.hpp"
#include "flame/codec.hpp"
#include "flame/detail/caf.hpp"
#include "flame/detail/signals.hpp"
#include "welcome.hpp"

namespace flame::detail {

/// Runners inside this process: each has lanes, threads and a terminator of its
/// own, and shares the rest with its parent. Thread-safe.
class local_runners {
public:
  local_runners();
  ~local_runners();

  /// Starts a runner. It ends when its terminator is told to stop, or its
  /// sockets end; then `ended` is called.
  /// @throws call_error `out_of_resources`, and `ended` is not called
  void serve(caf::actor_system& system, const caf::actor& gateway,
             std::shared_ptr<codec_context> handles, const welcome& greeting,
             runner_sockets sockets, std::function<void()> ended);

  /// Waits until all have ended.
  void join();

private:
  class local_runner;

  /// Those of the thread that makes the node: what functions run with here is
  /// what they would run with there.
  const sigset_t blocked_signals_ = own_signal_mask();
  std::mutex mutex_;
  std::list<std::unique_ptr<local_runner>> all_;
};

} // namespace flame::detail
