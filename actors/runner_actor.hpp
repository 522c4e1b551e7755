#pragma once

#include <memory>
#include <string>
#include <vector>

#include "flame/backend.hpp"
#include "flame/detail/caf.hpp"
#include "heartbeat.hpp"
#include "messages.hpp"
#include "pool_core.hpp"
#include "runner_state.hpp"
#include "welcome.hpp"

namespace flame::detail {

/// What all runners of a node share.
struct runner_context {
  caf::actor gateway;
  /// The broker of the parent's topics.
  caf::actor_id pubsub = 0;
  /// The program with its arguments.
  std::vector<std::string> command;
  /// Serves as a runner inside this process, see `boot_request::serve_here`.
  std::function<void(welcome, runner_sockets, std::function<void()>)>
    serve_here;
  std::uint8_t signs = every_sign;
  /// Null where there are none.
  std::shared_ptr<heartbeats> beats = nullptr;
};

/// The parent's side of one runner: boots it, lets it join, offers its slots,
/// and finds out how it ended. Dies with its runner, and with its pool; what it
/// learns, the pool actor learns. The states are those of `runner_state.hpp`.
class runner_actor final : public caf::event_based_actor {
public:
  /// @param pool how the pool is reached; it may be another actor by and by
  runner_actor(caf::actor_config& cfg, caf::actor pool,
               std::shared_ptr<pool_core> core,
               std::shared_ptr<backend> provider,
               std::shared_ptr<const runner_context> context, std::uint64_t id,
               std::string name);

  const char* name() const override;

  void on_exit() override;

protected:
  caf::behavior make_behavior() override;

private:
  void report();
  void boot();
  void started(instance_started& message);
  void boot_failed(errc code, std::string why);
  caf::result<void> join(const std::vector<char>& greeting,
                         const caf::actor& terminator,
                         const caf::actor& orders);
  void make_ready(const caf::actor& terminator, const caf::actor& orders,
                  int pid);
  void drain();
  void vacant();
  void wedged();
  void end_wedged();
  void suspect();
  bool has_heartbeat() const;
  void silent();
  void lost_touch();
  void give_up_boot();
  void ended(std::string text);
  void finish(runner_gone::how why, loss_ptr cause);
  bool enter(runner_event event);
  void show();
  void overdue();
  void terminate();
  void unreported();
  std::function<void()> telling(caf::atom_value what);

  const caf::actor pool_;
  const std::shared_ptr<pool_core> core_;
  std::shared_ptr<backend> provider_;
  const std::shared_ptr<const runner_context> context_;
  const std::uint64_t id_;
  const std::string name_;

  runner_state state_ = runner_state::booting;
  time_point born_;
  std::shared_ptr<lane_opener> lanes_;
  std::shared_ptr<instance> instance_;
  /// The parent's end of the connection for heart-beats, until it is watched.
  unique_fd beat_;
  heartbeats::key beat_key_ = 0;
  std::shared_ptr<runner_slots> slots_;
  caf::actor terminator_;
  int pid_ = 0;
  std::stop_source boot_;
  /// Why this end was brought about, where the exit status would not say.
  std::string verdict_;
  errc verdict_code_ = errc::runner_lost;
};

} // namespace flame::detail
