#pragma once

#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "flame/supervisor.hpp"

namespace flame::detail {

/// The supervisors that a node has started from its configuration, and that end
/// with it. Thread-safe.
///
/// | ends | then |
/// |---|---|
/// | a child, at the start | its tree has been stopped; whoever waits is told |
/// | a tree, by itself | it is forgotten: the next call starts another one |
/// | the node, meanwhile | trees that are about to start are stopped, too |
class node_trees {
public:
  struct tree {
    std::string name;
    flame::supervisor top;
    /// How its start went.
    std::shared_future<caf::error> started;
  };

  /// The one that is there or about to start.
  std::optional<tree> find(const std::string& name);

  /// Starts one, unless another thread has done so. Does not wait.
  /// @throws call_error `supervisor_ended` if the node has been shut down
  tree start(caf::actor_system& system, const std::string& name,
             supervisor_options options);

  /// It could not start.
  void forget(const tree& which);

  /// Those that have started.
  std::map<std::string, flame::supervisor> running();

  /// Ends all, the last one first, and waits until they have ended.
  void shut_down();

private:
  std::optional<tree> find_locked(const std::string& name);

  std::mutex mutex_;
  /// In the order of their starts.
  std::vector<tree> all_;
  bool is_closed_ = false;
};

} // namespace flame::detail
