/// A node: this process as a member of the cluster, parent or runner.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include "flame/backend.hpp"
#include "flame/child_registry.hpp"
#include "flame/config.hpp"
#include "flame/detail/export.hpp"
#include "flame/fwd.hpp"
#include "flame/options.hpp"
#include "flame/pool.hpp"
#include "flame/pubsub.hpp"
#include "flame/supervisor.hpp"
#include "flame/tree.hpp"

namespace flame {

/// What a node is made from.
struct node_options {
  /// The program with its arguments, by which runners are started. Empty: as
  /// this process was.
  std::vector<std::string> command = {};

  /// File, environment and flags.
  configuration config = {};

  /// Pools that the program declares; the configuration may change them.
  std::map<std::string, pool_options> pools = {};

  /// The backends that pools may name.
  backend_registry backends = {};

  /// The children that trees of the configuration may name.
  child_registry children = {};

  /// Called with the configuration of CAF's actor system before it is made: to
  /// add message types, error categories, modules. Not for a system that the
  /// program owns.
  std::function<void(caf::actor_system_config&)> configure_system = {};

  /// @private by which signs a runner learns that its parent is gone
  unsigned char parent_signs = 15;
};

/// What a runner knows about its parent.
struct parent_info {
  /// The pool that this process is a runner of, and its name in it.
  std::string pool;
  std::string runner;
  /// The parent's process id.
  int pid = 0;
};

/// The parent of this process; null if this process is a parent itself. What
/// runs on the `local` backend is in the parent's process. Thread-safe.
FLAME_EXPORT const parent_info* parent() noexcept;

/// The node of this process; null before there is one. Thread-safe.
FLAME_EXPORT node* this_node() noexcept;

/// Prepares the configuration of an actor system that the program owns, and
/// that a `node` is to be attached to: loads CAF's middleman, which runner
/// processes need; sets `scheduler.policy` to `sharing` and `middleman.workers`
/// to 0, with which remote messages take half the time; marks the threads of
/// the scheduler, on which blocking calls are refused.
///
/// To be called before the system is made, and before the program reads its
/// own settings into `config`, which then count more.
FLAME_EXPORT void configure(caf::actor_system_config& config);

/// This process as parent or runner. Made by `flame::run`, which hands it to
/// the program, or by a program that has its own actor system; a process has
/// one.
///
/// Thread-safe, except for its destructor.
class FLAME_EXPORT node {
public:
  /// Starts a parent with an actor system of its own.
  /// @throws call_error `invalid_configuration` in a process that was started
  ///         as a runner
  explicit node(node_options options);

  /// Starts a parent in a program that has an actor system, which must outlive
  /// the node, and for which `configure` is recommended. On a system that was
  /// made without it, blocking calls are refused on the threads of CAF's own
  /// schedulers, and not of others.
  ///
  ///     int main() {
  ///       flame::node_options options{...};
  ///       if (flame::is_runner_process())
  ///         flame::serve(options);
  ///       caf::actor_system_config config;
  ///       flame::configure(config);
  ///       caf::actor_system system{config};
  ///       flame::node node{system, options};
  ///       ...
  ///     }
  ///
  /// @throws call_error `invalid_configuration` in a process that was started
  ///         as a runner
  node(caf::actor_system& system, node_options options);

  /// Shuts all supervisors and pools down, see `shutdown`, and ends the actor
  /// system, unless the program owns it. Waits for actors that still live in a system of the node's own.
  ~node();

  node(const node&) = delete;
  node& operator=(const node&) = delete;

  /// Whether this process is a runner of some parent.
  bool is_runner() const noexcept;

  caf::actor_system& system() noexcept;

  const configuration& config() const noexcept;

  /// The program's own arguments: those of `argv` that are not flame's, without
  /// the program's name.
  std::span<const std::string> args() const noexcept;

  /// The pool of this name. The first call starts it, and returns once its
  /// `min` runners are ready; if they cannot be booted, it says so in the log
  /// and returns all the same, and the pool keeps trying.
  ///
  /// On a runner, pools use the `local` backend: a call that a call makes runs
  /// in place, and runners boot no runners.
  ///
  /// @param defaults options for what configuration and `node_options::pools`
  ///        leave open
  /// @throws call_error `invalid_configuration`: one line for each mistake in
  ///         the options, the backend's name and its settings; also where
  ///         runners are processes and the actor system has no middleman
  flame::pool pool(const std::string& name, const pool_options& defaults = {});

  /// The pools that have been started.
  std::vector<flame::pool> pools() const;

  /// The topics of this node, its parent and its runners.
  flame::pubsub pubsub() const;

  /// The supervisor of the node's own actors, `gateway` and `pool <name>`: one
  /// that is killed or fails is started again, and takes over its runners. It
  /// gives up after more than 10 restarts within 10 s: then all pools are closed,
  /// and their callers fail with `pool_closed`. Null before there is a pool.
  flame::supervisor root() const;

  /// Pools with their runners, supervisors with their children, as they are
  /// now. Supervisors are asked, and have 1 s to answer.
  ///
  /// On SIGUSR1, `flame::run` prints it on standard error, in runners too.
  /// @throws call_error `on_scheduler_thread` inside an actor
  tree_entry tree() const;

  /// The supervisor of this name in the configuration's file. The first call
  /// starts it, with the pools that it names, and waits until its children have
  /// been started. The node owns it: while it runs, each call returns the same
  /// one; once it has ended, by `restart_intensity` or whatever else, the next
  /// call starts another one from the beginning.
  ///
  /// Inside an actor it returns one that is there, and starts none.
  ///
  /// @throws call_error `invalid_configuration`: one line for each mistake in
  ///         the tree, or there is none of this name; also on a runner, as trees
  ///         are the parent's. `child_failed` if a child could not be started:
  ///         then those that were have been stopped. `supervisor_ended` once the
  ///         node has been shut down. `on_scheduler_thread`
  flame::supervisor supervisor(const std::string& name);

  /// Those that have been started, and have not ended, by name.
  std::map<std::string, flame::supervisor> supervisors() const;

  /// Shuts down the supervisors of `supervisor`, the last one first, each from
  /// right to left; then all pools, see `pool::shutdown`. A supervisor waits for
  /// its children as long as their `shutdown` says.
  void shutdown();

  /// @private
  class impl;

  /// @private
  explicit node(std::unique_ptr<impl> state);

private:
  std::unique_ptr<impl> impl_;
};

} // namespace flame
