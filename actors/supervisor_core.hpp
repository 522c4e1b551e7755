#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <spdlog/logger.h>

#include "flame/detail/caf.hpp"
#include "supervisor_child.hpp"
#include "supervisor_places.hpp"

namespace flame::detail {

/// Decides for a supervisor's children. Runs in the context of its actor alone,
/// and never waits: each step begins with a message and ends where the next one
/// is awaited.
///
/// Children that depend on each other are stopped and started in turn, one at a
/// time, by a *sweep*:
///
///     none -> stopping -> pausing -> starting -> none
///
/// It stops from the right to `sweep_first_`, waits for the back-off, and starts
/// from there to the right. The beginning is a sweep that only starts, the end
/// one that only stops. A child that fails meanwhile begins it anew, from
/// further left if need be. With one_for_one and dynamic, restarts need no sweep:
/// each child is restarted for itself. A dynamic supervisor ends all its children
/// at once.
class supervisor_core : public std::enable_shared_from_this<supervisor_core> {
public:
  using child_ptr = supervised_children::iterator;

  /// @param options have been checked
  /// @param places told of each change
  /// @param owner with which it ends; null if there is none
  /// @param report told when all children have been started, or one could not be;
  ///        may be null
  supervisor_core(caf::event_based_actor* self, supervisor_options options,
                  std::shared_ptr<child_places> places, caf::actor_addr owner,
                  std::shared_ptr<child_report> report);

  ~supervisor_core();

  /// Starts the children; to be called once.
  caf::behavior begin();

  // -- for start attempts -----------------------------------------------------

  caf::event_based_actor* self() const noexcept {
    return self_;
  }

  void made(std::uint64_t ticket, const caf::actor& child);
  void start_succeeded(std::uint64_t ticket, started what,
                       const std::string& runner);
  void start_failed(std::uint64_t ticket, const caf::error& why,
                    const std::string& runner);

private:
  enum class sweep { none, stopping, pausing, starting };

  bool is_dynamic() const noexcept {
    return options_.strategy == strategy::dynamic;
  }

  bool sweeps() const noexcept {
    return options_.strategy == strategy::one_for_all
           || options_.strategy == strategy::rest_for_one;
  }

  // -- supervisor_core.cpp: starts and ends -----------------------------------

  caf::behavior handlers();
  void start(child_ptr child, start_cause cause);
  bool take_handle(child_ptr child, const caf::actor& handle);
  void is_running(child_ptr child);
  void is_ignored(child_ptr child);
  void start_has_failed(child_ptr child, const caf::error& why,
                        const std::string& lost_runner);
  void exit_told(const caf::exit_msg& what);
  void actor_ended(const caf::down_msg& what);
  void has_ended(child_ptr child, const caf::error& reason);
  void stop(child_ptr child, after_stop then, bool has_timer = true);
  void overdue(std::uint64_t ticket);
  void has_stopped(child_ptr child);
  void enter(child_ptr child, child_phase phase);
  void stand_down(child_ptr child);
  void forget(child_ptr child);
  void answer_start(child_ptr child, const caf::error& problem);
  child_info about(child_ptr child) const;
  std::string text_of(const caf::error& reason) const;

  template <class Atom>
  void send_later(duration time, Atom what, std::uint64_t number) {
    send_later(time, caf::make_message(what, number));
  }

  void send_later(duration time, caf::message what);

  // -- supervisor_restarts.cpp: restarts, sweeps, the end ----------------------

  void restart_after(child_ptr child, const caf::error& reason,
                     const std::string& lost_runner, bool is_crash);
  bool count_restart(const std::string& lost_runner);
  duration back_off(child_ptr child);
  void restart_alone(child_ptr child, duration delay, bool is_crash);
  void restart_from(child_ptr first, duration delay, bool is_crash);
  bool is_swept(child_ptr child) const;
  void wake(std::uint64_t ticket);
  void resume(std::uint64_t number);
  void advance();
  void advance_stopping();
  bool let_go(child_ptr child);
  void advance_pausing();
  void begin_starting();
  void advance_starting();
  void end_for_significance();
  void end(caf::error reason);
  void stop_all_at_once();
  void kill_all();
  void leave_if_all_stopped();
  void cleaned_up();
  void tell_all(const caf::error& problem);

  // -- supervisor_control.cpp: requests ----------------------------------------

  caf::response_promise start_child(flame::start_child& what);
  caf::response_promise start_one(flame::start_one& what);
  caf::response_promise terminate_child(const flame::terminate_child& what);
  caf::response_promise restart_child(const std::string& id);
  caf::result<void> delete_child(const std::string& id);
  std::vector<child_info> which_children();
  child_counts count_children();
  caf::result<child_spec> get_spec(const std::string& id);
  caf::result<void> change_options(supervisor_options& options);
  void change_children(std::vector<child_spec>& specs);
  caf::error refusal(bool is_for_dynamic) const;
  caf::error busy(child_ptr child) const;

  caf::event_based_actor* const self_;
  supervisor_options options_;
  const std::shared_ptr<child_places> places_;
  const caf::actor_addr owner_;
  /// Told once, then null.
  std::shared_ptr<child_report> report_;
  std::shared_ptr<spdlog::logger> log_;
  /// Where timers are sent to, as CAF's keep whom they are for: a supervisor that
  /// nobody refers to would end with its last timer.
  const caf::actor timers_;
  /// Where it has an owner, it keeps itself alive.
  caf::strong_actor_ptr kept_;

  supervised_children children_;
  /// Those that have an actor, or may get one by a start under way.
  std::size_t alive_ = 0;
  /// From which those of a dynamic supervisor are made.
  child_spec blueprint_;
  std::uint64_t named_ = 0;

  /// When children had to be restarted, within `period`.
  std::deque<time_point> restarts_;
  /// Runners whose loss has been counted, and when.
  std::map<std::string, time_point> lost_runners_;
  std::minstd_rand random_{std::random_device{}()};

  sweep sweep_ = sweep::none;
  /// The order of the leftmost child of the sweep.
  std::uint64_t sweep_first_ = 0;
  /// The child that it has come to.
  child_ptr cursor_;
  time_point resume_at_ = time_point::min();
  /// Whether other messages come first, whatever the time is.
  bool pauses_ = false;
  /// Of the pause; one that is overtaken says nothing.
  std::uint64_t pause_ = 0;
  bool is_advancing_ = false;
  bool advances_again_ = false;

  bool has_begun_ = false;
  /// Set once it is to end.
  std::optional<caf::error> ending_;
  bool has_left_ = false;
};

/// The specification with its defaults filled in.
child_spec with_defaults(child_spec spec);

/// What is wrong with the options of a supervisor.
struct option_mistake {
  /// Its index; nothing, where it is not about one child.
  std::optional<std::size_t> child;

  /// The options that it is about.
  std::vector<std::string_view> keys;

  std::string text;
};

std::vector<option_mistake> mistakes_in(const supervisor_options& options);

/// The mistakes in a specification, one in each line.
std::string check_spec(const child_spec& spec, auto_shutdown mode);

} // namespace flame::detail
