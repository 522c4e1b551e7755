#pragma once

#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "flame/child_ref.hpp"
#include "flame/detail/caf.hpp"
#include "flame/error.hpp"

namespace flame::detail {

/// What a name of a child stands for at a time.
struct child_place {
  enum class state {
    /// There is no actor, and none will be started.
    empty,
    /// There is none yet.
    awaited,
    /// There is one.
    present,
    /// The supervisor has ended.
    closed,
  };

  state now = state::empty;
  caf::actor present = {};
};

/// Stands for a child, whichever incarnation: passes messages on, or keeps them
/// in order until there is one. Dropping it while it keeps some loses none: it
/// holds itself until then. Thread-safe.
class child_relay final : public caf::monitorable_actor {
public:
  child_relay(caf::actor_config& cfg, std::string id,
              child_ref_options options);

  void enqueue(caf::mailbox_element_ptr what,
               caf::execution_unit* host) override;

  /// Called by one thread at a time.
  void update(const child_place& place);

  /// The incarnation has ended, though its supervisor may not know yet.
  void lost(const caf::actor_addr& incarnation);

  /// The incarnation that messages go to; null if there is none.
  caf::actor present() const;

  /// Ends it: whoever monitors it is told.
  void close(const caf::error& reason);

private:
  void pass_on_queued(std::unique_lock<std::mutex>& guard);
  void fail_queued(std::unique_lock<std::mutex>& guard);
  caf::error problem() const;

  const std::string id_;
  const child_ref_options options_;
  mutable std::mutex mutex_;
  child_place place_;
  /// Whether a message may go straight to the incarnation: what was queued has
  /// gone there.
  bool is_open_ = false;
  std::vector<caf::mailbox_element_ptr> queue_;
  caf::strong_actor_ptr held_;
};

/// Where the children of a supervisor are, by their names: what `child_ref` asks.
/// Written by the supervisor, but for children that are yet to be
/// added. Thread-safe.
class child_places {
public:
  explicit child_places(caf::actor_system& system) : system_(system) {
    // nop
  }

  void set(const std::string& id, child_place place);

  /// A child of this name is about to be added: until then, it is awaited.
  void expect(const std::string& id) {
    set(id, {child_place::state::awaited});
  }

  /// The supervisor has ended.
  void close(const caf::error& reason);

  /// Makes a relay for a child.
  caf::actor refer_to(const std::string& id, const child_ref_options& options);

private:
  struct entry {
    child_place place;
    std::vector<caf::weak_actor_ptr> relays;
  };

  caf::actor_system& system_;
  std::mutex mutex_;
  std::unordered_map<std::string, entry> entries_;
  bool is_closed_ = false;
};

} // namespace flame::detail
