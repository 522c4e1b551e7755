/// Who holds which slot, and who waits for one.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <boost/intrusive/list.hpp>
#include <caf/actor.hpp>

#include "flame/error.hpp"
#include "lane.hpp"

namespace flame::detail {

using time_point = std::chrono::steady_clock::time_point;

/// Why work ended that did not end by itself.
struct loss {
  errc code = errc::runner_lost;
  std::string message;
  std::string runner;

  call_error to_exception() const {
    return call_error{code, message, runner};
  }
};

using loss_ptr = std::shared_ptr<const loss>;

class runner_slots;
class slot_table;

/// Somebody who waits for a slot or holds one: a call, a cast, a child.
///
/// Belongs to whoever made it, and must have left the table before it ends.
/// The table calls `granted` and `failed` with its mutex held: they may only
/// wake somebody up.
class slot_holder : public boost::intrusive::list_base_hook<> {
public:
  enum class state {
    /// Not in the table.
    outside,
    queued,
    holding,
    /// Still in the table, holding a slot of a runner that is gone.
    lost,
    /// Taken out of the queue because nobody can serve it.
    refused,
  };

  slot_holder() = default;
  slot_holder(const slot_holder&) = delete;
  slot_holder& operator=(const slot_holder&) = delete;

  /// What is to serve its lane. Set before a slot is asked for.
  void serve_by(isolation what) noexcept {
    served_by_ = what;
  }

  isolation served_by() const noexcept {
    return served_by_;
  }

  /// The runner of a holder that has a slot.
  const std::shared_ptr<runner_slots>& runner() const noexcept {
    return runner_;
  }

  /// The lane that came with the slot; empty where one must be opened.
  std::unique_ptr<lane> take_lane() noexcept {
    return std::move(lane_);
  }

protected:
  virtual ~slot_holder() = default;

private:
  friend class slot_table;

  virtual void granted() noexcept = 0;
  virtual void failed() noexcept = 0;

  // Together, for their size: a queue may be long.
  state state_ = state::outside;
  bool is_wedged_ = false;
  bool has_lost_lane_ = false;
  isolation served_by_ = isolation::thread;
  std::shared_ptr<runner_slots> runner_;
  std::unique_ptr<lane> lane_;
  loss_ptr loss_;
};

using holder_list = boost::intrusive::list<slot_holder>;

/// The lanes of a runner that carry no call. Lanes in use included, there are
/// never more than its slots.
class idle_lanes {
public:
  using lane_ptr = std::unique_ptr<lane>;

  /// A lane to what `served_by` says, or none. Rather one of the kind that
  /// `wants_watched` says.
  lane_ptr take(isolation served_by, bool wants_watched);

  void put(lane_ptr returned);

  /// Any lane, where there are more than `room`; else none.
  lane_ptr take_surplus(std::size_t room);

  std::vector<lane_ptr> take_all();

private:
  static constexpr std::size_t kinds = 2;

  /// By what serves them, and by the kind of caller that used them last.
  std::vector<lane_ptr> plain_[kinds];
  std::vector<lane_ptr> watched_[kinds];
};

/// The slots of one runner, as the table sees them.
class runner_slots : public boost::intrusive::list_base_hook<>,
                     public std::enable_shared_from_this<runner_slots> {
public:
  /// @param opener opens lanes to the runner
  /// @param orders starts children on the runner
  /// @param on_vacant called once the runner has been retired and nothing but
  ///        wedged work holds slots of it, with the table's mutex held
  /// @param on_suspect called when a lane ended although it should not, with
  ///        the table's mutex held
  /// @param on_wedged called when work on the runner does not end although it
  ///        was asked to, with the table's mutex held
  /// @param is_single_use whether the runner is retired when the first of its
  ///        slots comes back
  runner_slots(std::string name, std::size_t capacity,
               std::shared_ptr<lane_opener> opener, caf::actor orders,
               std::function<void()> on_vacant,
               std::function<void()> on_suspect,
               std::function<void()> on_wedged, bool is_single_use = false)
    : name(std::move(name)),
      capacity(capacity),
      opener(std::move(opener)),
      orders(std::move(orders)),
      is_single_use(is_single_use),
      on_vacant_(std::move(on_vacant)),
      on_suspect_(std::move(on_suspect)),
      on_wedged_(std::move(on_wedged)) {
    // nop
  }

  const std::string name;
  const std::size_t capacity;
  const std::shared_ptr<lane_opener> opener;
  const caf::actor orders;
  const bool is_single_use;

private:
  friend class slot_table;

  enum class state { ready, suspect, retired, gone };

  std::function<void()> on_vacant_;
  std::function<void()> on_suspect_;
  std::function<void()> on_wedged_;
  state state_ = state::ready;
  std::size_t in_use_ = 0;
  /// Of those in use.
  std::size_t wedged_ = 0;
  time_point idle_since_ = {};
  idle_lanes lanes_;
  holder_list holders_;
};

/// The table that a pool shares with its callers.
///
/// A caller takes a slot here and gives it back without asking the pool actor:
/// one mutex, constant time. The actor decides what the table cannot: which
/// runners there are. A slot that is given back goes straight to the first in
/// the queue, together with its lane, so that nobody overtakes.
///
/// Thread-safe.
class slot_table {
public:
  /// @param max_queue most holders that may wait
  /// @param on_demand called, without the mutex, when holders wait and the
  ///        pool actor has not been told since it last asked
  /// @param now the clock by which runners are idle
  slot_table(std::size_t max_queue, std::function<void()> on_demand,
             std::function<time_point()> now = std::chrono::steady_clock::now);

  slot_table(const slot_table&) = delete;
  slot_table& operator=(const slot_table&) = delete;

  // -- for callers ------------------------------------------------------------

  enum class outcome { granted, queued, refused };

  /// Takes a slot, or a place in the queue. After `refused`, `loss_of` says
  /// why.
  /// @param wants_watched whether a lane of the reactor is preferred
  outcome acquire(slot_holder& holder, bool wants_watched);

  slot_holder::state state_of(const slot_holder& holder) const;

  /// Why the holder is `lost` or `refused`.
  loss_ptr loss_of(const slot_holder& holder) const;

  /// Leaves the queue. False if the holder is not in it any more.
  bool withdraw(slot_holder& holder);

  /// Gives the slot back, and the lane if it can carry another call.
  void release(slot_holder& holder, std::unique_ptr<lane> returned = nullptr);

  /// Makes `to` the holder of what `from` holds.
  void transfer(slot_holder& from, slot_holder& to);

  /// The lane of `holder` ended: no more work for its runner until the pool has
  /// found out. The holder gets `failed` when it has.
  void report_closed_lane(slot_holder& holder);

  /// What `holder` stands for was asked to end and does not: no more work for
  /// its runner, which is to be ended.
  void report_wedged(slot_holder& holder);

  // -- for the pool and its runners -------------------------------------------

  /// The time of the clock by which runners are idle.
  time_point now() const {
    return now_();
  }

  /// Offers the slots of a new runner.
  void add(const std::shared_ptr<runner_slots>& runner);

  /// Takes a runner out; whoever holds a slot of it fails with `why`.
  void remove(runner_slots& runner, loss_ptr why);

  /// The runner is there, although lanes of it have ended: it gets work again.
  /// Whoever held such a lane fails with `why`.
  /// @param why_of_workers the same for lanes that workers serve
  void clear_suspicion(runner_slots& runner, const loss_ptr& why,
                       const loss_ptr& why_of_workers = nullptr);

  /// Gives the runner no more work, if it has had none since `idle_before`.
  bool retire_if_idle(runner_slots& runner, time_point idle_before);

  /// Gives the runner no more work; what runs goes on. `on_vacant` follows.
  void retire(runner_slots& runner);

  /// When the runner became idle; nothing while it has work.
  std::optional<time_point> idle_since(const runner_slots& runner) const;

  /// How many holders wait. Asks to be told of the next one.
  std::size_t take_demand();

  /// Fails whoever waits.
  void fail_queue(const loss_ptr& why);

  /// Refuses newcomers from now on, and fails whoever waits.
  void close(loss_ptr why);

  struct counts {
    std::size_t queued = 0;
    std::size_t in_use = 0;
    std::size_t runners = 0;
  };

  counts count() const;

  std::size_t in_use(const runner_slots& runner) const;

private:
  using bucket = boost::intrusive::list<runner_slots>;

  void grant(slot_holder& holder, runner_slots& runner, bool wants_watched);
  void give_lane(slot_holder& holder, runner_slots& runner, bool wants_watched);
  void serve_queue();
  runner_slots* least_loaded();
  void file(runner_slots& runner);
  void unfile(runner_slots& runner);
  void take_off(runner_slots& runner);
  void tell_if_vacant(runner_slots& runner);
  void fail(slot_holder& holder, slot_holder::state state, const loss_ptr& why);
  void fail_all_queued(const loss_ptr& why);

  mutable std::mutex mutex_;
  const std::size_t max_queue_;
  std::function<void()> on_demand_;
  std::function<time_point()> now_;
  bool demand_told_ = false;
  loss_ptr closed_;
  holder_list queue_;
  /// Lanes that have given way to others, until the mutex is free: closing one
  /// is a system call.
  std::vector<std::unique_ptr<lane>> surplus_;
  /// Runners with a free slot, by slots in use. Within a bucket the one that
  /// was busy last comes first, so that those that are not needed fall idle.
  std::vector<bucket> by_load_;
  std::size_t lowest_ = 0;
  std::size_t in_use_ = 0;
  std::size_t runners_ = 0;
};

} // namespace flame::detail
