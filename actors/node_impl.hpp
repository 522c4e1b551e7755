#pragma once

#include <chrono>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "caller_ports.hpp"
#include "flame/detail/caf.hpp"
#include "flame/node.hpp"
#include "flame/supervisor.hpp"
#include "flame/tree.hpp"
#include "handles.hpp"
#include "local_runners.hpp"
#include "node_trees.hpp"
#include "placements.hpp"
#include "pool_roster.hpp"
#include "pubsub_broker.hpp"
#include "reactor.hpp"
#include "runner_actor.hpp"
#include "system_config.hpp"

namespace flame {

/// What a node owns, in the order in which it ends: pools first, then what they
/// stand on, the actor system last.
class node::impl {
public:
  /// @param of_program the actor system, where the program owns it
  impl(node_options opts, std::vector<std::string> own_args, bool as_runner,
       caf::actor_system* of_program = nullptr);
  ~impl();

  flame::pool start_pool(const std::string& name, const pool_options& defaults);

  /// Does not wait for its runners.
  flame::pool find_or_start_pool(const std::string& name,
                                 const pool_options& defaults);

  void shut_pools_down();

  tree_entry tree();

  /// The name of a pool as a child of the node's supervisor.
  static std::string pool_id(const std::string& pool) {
    return "pool " + pool;
  }

  node_options options;
  const std::vector<std::string> args;
  const bool is_runner;
  const std::chrono::steady_clock::time_point begun =
    std::chrono::steady_clock::now();
  /// Backends that have been made. They end after all actors that use them, on
  /// the thread that ends the node.
  std::map<std::string, std::shared_ptr<backend>> providers;

  struct own_system {
    explicit own_system(const node_options& options);

    detail::system_config config;
    caf::actor_system system;
  };

  std::unique_ptr<own_system> own;
  caf::actor_system& system;
  /// Empty where the system marks them itself.
  const std::vector<std::thread::id> scheduler_threads;
  std::shared_ptr<detail::system_handles> handles;
  std::shared_ptr<detail::reactor> loop;
  std::shared_ptr<detail::caller_ports> ports;
  std::shared_ptr<detail::placements> placed;
  std::shared_ptr<detail::pubsub_broker> bus;
  /// The supervisor of gateway and pools; there once there is a pool.
  flame::supervisor top;
  /// Lets this node's own runners join, whichever actor it is at the time.
  caf::actor gateway;
  caf::actor news;
  detail::local_runners local;
  std::shared_ptr<const detail::runner_context> runners;
  std::mutex mutex;
  std::map<std::string, flame::pool> pools;
  /// They end before the pools.
  detail::node_trees trees;

private:
  void start_supervisor();
  void end_supervisor();
  const pool_options& declared(const std::string& name,
                               const pool_options& defaults) const;
  pool_options resolve(const std::string& name, const pool_options& defaults);
  std::shared_ptr<backend> provider(const std::string& name);
  std::shared_ptr<backend> checked_provider(const std::string& name,
                                            const pool_options& defaults,
                                            const std::string& chosen);
  void check_connections(const pool_options& resolved,
                         const backend& provider) const;
  std::shared_ptr<backend> lend(std::shared_ptr<backend> provider);

  /// One for each pool.
  std::vector<std::shared_ptr<detail::pool_roster>> rosters_;
  /// One for each pool: ready once no actor uses its backend any more. A system
  /// of the program's goes on after them, and so cannot be waited for.
  std::vector<std::future<void>> lent_;
};

namespace detail {

/// Sets what `flame::parent` says.
void set_parent(const parent_info* parent) noexcept;

/// Sets what `flame::this_node` says, unless there is one already.
void claim_process(node* self) noexcept;
void disclaim_process(node* self) noexcept;

} // namespace detail
} // namespace flame
