#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "flame/detail/caf.hpp"
#include "flame/detail/operation.hpp"
#include "reactor.hpp"

namespace flame::detail {

/// Where the outcomes of one actor's calls arrive, to be handled in its
/// context.
///
/// CAF keeps the requests that an actor waits for in a linear list: 100,000 of
/// them take 15 s. The port is one entry in that list, whatever number of calls
/// is under way: outcomes gather here, and one response tells the actor that
/// there are some. While it waits for any, the actor stays alive, as with
/// requests. Thread-safe, except for `expect`, which is for the actor itself.
class caller_port : public std::enable_shared_from_this<caller_port> {
public:
  using ticket = std::uint64_t;

  explicit caller_port(caf::strong_actor_ptr owner)
    : owner_(caf::actor_cast<caf::weak_actor_ptr>(owner)) {
    // nop
  }

  /// Announces an outcome.
  /// @param awaits whether the actor handles nothing else until it comes
  ticket expect(caf::scheduled_actor* self, bool awaits);

  /// A number for work whose outcome the actor does not wait for.
  ticket next_ticket();

  /// Wraps `done` so that it runs in the actor's context.
  std::unique_ptr<completion> deliver(ticket of,
                                      std::unique_ptr<completion> done);

  /// Runs `what` in the actor's context, after what has arrived before. Only
  /// while an outcome is expected that the actor does not await.
  void post(std::unique_ptr<completion> what);

  /// Cancels `work` when the actor ends before `unlink`.
  void link(ticket of, boost::intrusive_ptr<pending_work> work);

  void unlink(ticket of);

  /// Sends the actor a message.
  void tell_owner(caf::message what);

  caf::actor_addr owner() const;

  bool is_gone() const;

  /// An actor that quits has dropped what it was waiting for. CAF takes it for
  /// alive as long as it waits for anything, so nothing may be added.
  static bool has_quit(const caf::scheduled_actor* self);

  /// The actor has ended.
  void owner_gone(const caf::error& reason);

private:
  class envelope;

  struct delivery {
    std::unique_ptr<completion> done;
    outcome result;
    bool is_expected = true;
  };

  void arrived(ticket of, std::unique_ptr<completion> done, outcome&& result);
  void deposit(delivery what);
  void arm(caf::scheduled_actor* self);
  void signal(caf::message_id id);
  void run(caf::scheduled_actor* self);
  void run_awaited(ticket of);

  void let_go_if_done();

  const caf::weak_actor_ptr owner_;
  mutable std::mutex mutex_;
  /// Set while an outcome is to come: CAF ends an actor that nobody refers to,
  /// and here, as with a request, it is the answer that will.
  caf::strong_actor_ptr kept_;
  ticket last_ticket_ = 0;
  /// Outcomes that have arrived and not been handled.
  std::vector<delivery> arrived_;
  /// Outcomes that are still to come through the shared response.
  std::size_t expected_ = 0;
  /// The response that the actor waits for, if it does.
  caf::message_id response_;
  bool armed_ = false;
  bool running_ = false;
  bool gone_ = false;
  /// Calls that the actor awaits one by one, with responses of their own.
  std::map<ticket, caf::message_id> awaited_;
  std::map<ticket, delivery> awaited_arrived_;
  std::unordered_map<ticket, boost::intrusive_ptr<pending_work>> linked_;
};

/// The ports of a node's actors. Thread-safe.
class caller_ports : public std::enable_shared_from_this<caller_ports> {
public:
  /// The port of `self`; must be asked in its context.
  std::shared_ptr<caller_port> of(caf::scheduled_actor* self);

private:
  std::mutex mutex_;
  std::unordered_map<caf::actor_id, std::shared_ptr<caller_port>> ports_;
};

} // namespace flame::detail
