#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "flame/detail/caf.hpp"
#include "messages.hpp"
#include "pool_core.hpp"
#include "pool_roster.hpp"
#include "runner_actor.hpp"

namespace flame::detail {

/// Decides which runners a pool has.
///
/// It grows when callers wait: as many runners at once as they need, up to
/// `max`, never more than one boot per `max_concurrency` waiting callers. It
/// shrinks when runners have been idle long enough. A runner that
/// is lost is replaced where `min` or the queue need it. Callers and slots are
/// not its business but the table's; it is told when somebody waits, once, and
/// not of each call.
///
/// It ends with its supervisor, which starts another one in its place where it
/// ends otherwise: see `pool_roster`.
class pool_actor final : public caf::event_based_actor {
public:
  pool_actor(caf::actor_config& cfg, std::shared_ptr<pool_core> core,
             std::shared_ptr<pool_roster> roster,
             std::shared_ptr<const runner_context> context);

  const char* name() const override;

  void on_exit() override;

protected:
  caf::behavior make_behavior() override;

private:
  using member = pool_roster::member;

  void adopt();
  void grow();
  std::size_t wanted() const;
  void boot_one();
  void became_ready(const runner_ready& message);
  void takes_no_more(std::uint64_t id);
  void is_gone(const runner_gone& message);
  void ended_unheard(const caf::actor_addr& runner);
  void boot_failed(const runner_gone& message, const member& gone);
  void check_idle();
  bool let_go_if_idle(member& each, time_point now, duration patience);
  bool may_go(const member& each);
  duration patience(std::size_t runners) const;
  void schedule_idle_check(time_point when);
  runner_info about(const member& each) const;
  caf::result<void> await_minimum();
  void answer_waiting(const caf::error& problem);
  caf::result<void> shut_down();
  void finish_shutdown();
  std::size_t booting() const;
  std::size_t ready() const;
  std::size_t staying() const;

  const std::shared_ptr<pool_core> core_;
  const std::shared_ptr<pool_roster> roster_;
  const std::shared_ptr<const runner_context> context_;

  bool retry_scheduled_ = false;
  /// The end of time while none is scheduled.
  time_point idle_check_at_ = time_point::max();
  std::vector<caf::response_promise> awaiting_minimum_;
  std::vector<caf::response_promise> awaiting_end_;
};

} // namespace flame::detail
