#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "flame/detail/caf.hpp"
#include "flame/supervisor.hpp"
#include "slot_table.hpp"
#include "supervisor_places.hpp"

namespace flame::detail {

/// What a supervisor has of a child.
///
///     phase      actor   leaves by
///     stopped    none    start_child, restart_child: starting
///                        delete_child: gone
///     waiting    none    its time or turn has come: starting
///                        terminate_child, the supervisor ends: stopped
///     starting   maybe   initialisation succeeded: running
///                        it failed: waiting; of a start that was asked for:
///                        stopped, or gone
///                        is to stop, the actor is known: stopping
///     running    yes     has ended: waiting, stopped or gone, as `restart` says
///                        is to stop: stopping
///     stopping   yes     has ended: waiting, stopped or gone, as `after_stop`
///                        says
///
/// The supervisor owns the specification, the strong reference to the actor and
/// the monitor. What dies, when:
///
///     the actor, starting    as a failed initialisation
///     the actor, running     its end is judged: restart, or not
///     the actor, stopping    nothing else: that was the wish
///     its runner, starting   the placement fails with the name of the runner
///     its runner, later      CAF's monitor says remote_link_unreachable
///     the supervisor, told   all children are stopped first, see `sweep`
///     the supervisor, killed its end tells each actor to end; placements are
///                            cancelled by the pool, as they are linked to it
///     whoever waits for an   nothing: the answer is dropped
///     answer
enum class child_phase { stopped, waiting, starting, running, stopping };

/// What becomes of a child that is told to stop.
enum class after_stop {
  /// It will be started again.
  wait,
  /// It stays.
  stay,
  /// It is forgotten.
  forget,
};

/// Who wants a start.
enum class start_cause {
  /// The supervisor: at the beginning, or as a restart.
  supervisor,
  /// start_child, start_one: a child that cannot be started is not added.
  added,
  /// restart_child.
  asked,
};

struct supervised_child {
  child_spec spec;
  start_args args;
  /// Grows from left to right.
  std::uint64_t order = 0;
  child_phase phase = child_phase::stopped;
  caf::actor handle;
  /// Its address, also when it has ended.
  caf::actor_addr address;
  /// The last incarnation that ran, by which a child of a dynamic supervisor is
  /// still known while it is restarted.
  caf::actor_addr former;
  std::string runner;
  caf::message info;

  /// The start that is under way, or the time that is awaited. 0: none.
  std::uint64_t ticket = 0;
  start_cause cause = start_cause::supervisor;
  caf::response_promise on_started;

  after_stop then = after_stop::stay;
  /// It is to stop as soon as its actor is known.
  bool is_unwanted = false;
  /// Somebody has stopped it during a sweep, which does not start it then.
  bool is_held = false;
  std::vector<caf::response_promise> on_stopped;

  /// Times that it has run.
  std::size_t incarnations = 0;
  /// Restarts since it last ran for long.
  unsigned restarts = 0;
  time_point running_since = time_point::max();

  /// What was last told of it.
  std::optional<child_place::state> place;

  bool is_temporary() const noexcept {
    return spec.restart == restart::temporary;
  }

  bool is_supervisor() const noexcept {
    return spec.type == child_type::supervisor;
  }
};

/// The children of a supervisor in their order, found by name, actor and ticket
/// in constant time: there may be many.
class supervised_children {
public:
  using list = std::list<supervised_child>;
  using iterator = list::iterator;

  bool empty() const noexcept {
    return list_.empty();
  }

  std::size_t size() const noexcept {
    return list_.size();
  }

  iterator begin() noexcept {
    return list_.begin();
  }

  iterator end() noexcept {
    return list_.end();
  }

  /// Adds a child on the right. Its name is new.
  iterator add(child_spec spec) {
    auto id = spec.id;
    auto i = list_.emplace(list_.end());
    i->spec = std::move(spec);
    i->order = ++last_order_;
    by_id_.emplace(std::move(id), i);
    return i;
  }

  void erase(iterator which) {
    forget_ticket(which);
    forget(which->address);
    forget(which->former);
    by_id_.erase(which->spec.id);
    list_.erase(which);
  }

  void move_to_end(iterator which) {
    list_.splice(list_.end(), list_, which);
    which->order = ++last_order_;
  }

  iterator find(const std::string& id) {
    auto i = by_id_.find(id);
    return i == by_id_.end() ? end() : i->second;
  }

  iterator find(const caf::actor_addr& address) {
    auto i = by_address_.find(address);
    return i == by_address_.end() ? end() : i->second;
  }

  iterator find(std::uint64_t ticket) {
    auto i = by_ticket_.find(ticket);
    return i == by_ticket_.end() ? end() : i->second;
  }

  std::uint64_t give_ticket(iterator which) {
    forget_ticket(which);
    which->ticket = ++last_ticket_;
    by_ticket_.emplace(which->ticket, which);
    return which->ticket;
  }

  void forget_ticket(iterator which) {
    by_ticket_.erase(std::exchange(which->ticket, 0));
  }

  /// @returns whether this actor was nobody's yet
  bool set_handle(iterator which, const caf::actor& handle) {
    if (!by_address_.emplace(handle.address(), which).second)
      return false;
    if (which->address)
      forget(std::exchange(which->former, which->address));
    which->handle = handle;
    which->address = handle.address();
    return true;
  }

  /// The actor never ran.
  void forget_handle(iterator which) {
    forget(std::exchange(which->address, nullptr));
    which->handle = nullptr;
  }

private:
  void forget(const caf::actor_addr& address) {
    if (address)
      by_address_.erase(address);
  }

  list list_;
  std::unordered_map<std::string, iterator> by_id_;
  std::unordered_map<caf::actor_addr, iterator> by_address_;
  std::unordered_map<std::uint64_t, iterator> by_ticket_;
  std::uint64_t last_order_ = 0;
  std::uint64_t last_ticket_ = 0;
};

} // namespace flame::detail
