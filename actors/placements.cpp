#include "placements.hpp"

#include <boost/asio/post.hpp>

#include "call_common.hpp"
#include "caller_ports.hpp"
#include "flame/place.hpp"
#include "pool_core.hpp"
#include "timing.hpp"

namespace flame::detail {

/// One child, from the wish to its end.
///
///     queued -> asked -> placed -> done
///          \        \-> unwanted -> done
///           \-> done
///
/// `queued` until the table grants a slot, `asked` until the runner answers,
/// `placed` while the child lives. `unwanted` is a child whose caller has given
/// up before the runner answered: it is ended as soon as it is known, and its
/// runner is wedged if that takes longer than `stop_grace`.
class placement final : public pending_work, public slot_holder {
public:
  placement(std::shared_ptr<pool_core> pool, std::vector<char> request,
            bool is_linked, time_point deadline,
            std::unique_ptr<completion> done)
    : pool_(std::move(pool)),
      request_(std::move(request)),
      is_linked_(is_linked),
      done_(std::move(done)) {
    deadline_ = deadline;
  }

  /// Ends the child with the actor that places it.
  void link_to(std::shared_ptr<caller_port> port, caller_port::ticket ticket) {
    port_ = std::move(port);
    ticket_ = ticket;
    port_->link(ticket_, this);
  }

  void start() {
    std::unique_lock guard{mutex_};
    id_ = pool_->placed->add(this);
    pool_->loop->watch(*this);
    switch (pool_->table.acquire(*this, true)) {
      case slot_table::outcome::granted:
        ask(guard);
        break;
      case slot_table::outcome::refused:
        fail(pool_->table.loss_of(*this)->to_exception());
        break;
      case slot_table::outcome::queued:
        break;
    }
  }

  void started(const caf::actor& child) {
    std::unique_lock guard{mutex_};
    if (phase_ == phase::unwanted) {
      caf::anon_send_exit(child, caf::exit_reason::kill);
      return;
    }
    if (phase_ != phase::asked)
      return;
    phase_ = phase::placed;
    placed_at_ = std::chrono::steady_clock::now();
    child_ = child;
    address_ = child.address();
    pool_->loop->unwatch(*this);
    outcome result;
    result.runner = runner()->name;
    result.child = child;
    if (is_linked_)
      result.link = [self = self_ptr{this}] {
        self->link();
      };
    std::exchange(done_, nullptr)->complete(std::move(result));
  }

  /// Nothing unless the child lives.
  std::optional<placed_view> look() {
    std::lock_guard guard{mutex_};
    if (phase_ != phase::placed)
      return std::nullopt;
    return placed_view{runner(), address_, placed_at_};
  }

  void failed_to_start(const caf::error& why) {
    std::unique_lock guard{mutex_};
    auto error = call_error{why};
    if (runner())
      error = call_error{error.code(), error.what(), runner()->name,
                         error.remote_type()};
    fail(std::move(error));
  }

  void ended(const caf::error& reason) {
    std::unique_lock guard{mutex_};
    if (phase_ == phase::done)
      return;
    end_link(reason);
    fail(call_error{errc::child_failed,
                    "the child ended before its initialisation was complete",
                    runner() ? runner()->name : std::string{}});
  }

  void cancel(const caf::error& reason) override {
    give_up(call_error{errc::cancelled, "the caller of the child ended"},
            reason);
  }

private:
  using self_ptr = boost::intrusive_ptr<placement>;
  enum class phase { queued, asked, placed, unwanted, done };

  void granted() noexcept override {
    on_loop([](placement& self, std::unique_lock<std::mutex>& guard) {
      if (self.phase_ == phase::queued)
        self.ask(guard);
    });
  }

  void failed() noexcept override {
    on_loop([](placement& self, std::unique_lock<std::mutex>&) {
      self.end_link(caf::exit_reason::remote_link_unreachable);
      self.fail(self.pool_->table.loss_of(self)->to_exception());
    });
  }

  void expired() override {
    if (!report_if_unwanted())
      give_up(std::nullopt);
  }

  /// An initialisation that does not end holds its slot as a call does that
  /// ignores its stop token.
  bool report_if_unwanted() {
    std::lock_guard guard{mutex_};
    if (phase_ != phase::unwanted)
      return false;
    if (std::chrono::steady_clock::now() >= deadline_)
      pool_->table.report_wedged(*this);
    return true;
  }

  template <class F>
  void on_loop(F step) {
    boost::asio::post(pool_->loop->io(), [self = self_ptr{this}, step] {
      std::unique_lock guard{self->mutex_};
      if (self->phase_ != phase::done)
        step(*self, guard);
    });
  }

  /// The caller has the child now.
  void link() {
    std::unique_lock guard{mutex_};
    is_caller_told_ = true;
    if (ended_by_)
      tell_caller(*ended_by_);
  }

  // -- with the mutex held ----------------------------------------------------

  /// Gives the mutex back: on a local runner, what comes of it is known before
  /// the message is sent.
  void ask(std::unique_lock<std::mutex>& guard) {
    phase_ = phase::asked;
    // The runner's slot is what counts; a lane that came with it goes back.
    spare_lane_ = take_lane();
    auto orders = runner()->orders;
    auto request =
      caf::make_message(place_atom::value, id_, std::move(request_), is_linked_,
                        pool_->placed->news());
    guard.unlock();
    caf::anon_send(orders, std::move(request));
  }

  void end_link(const caf::error& reason) {
    if (phase_ != phase::placed || !is_linked_)
      return;
    ended_by_ = reason;
    if (is_caller_told_)
      tell_caller(reason);
  }

  void tell_caller(const caf::error& reason) {
    port_->tell_owner(caf::make_message(caf::exit_msg{address_, reason}));
  }

  void give_up(std::optional<call_error> why, const caf::error& reason = {}) {
    std::unique_lock guard{mutex_};
    if (phase_ == phase::queued && pool_->table.withdraw(*this))
      return fail(why ? *why : queue_timeout(*pool_));
    if (phase_ == phase::placed) {
      // A link of CAF's would let the child go on after a normal end.
      caf::error passed_on = caf::exit_reason::user_shutdown;
      if (reason)
        passed_on = reason;
      caf::anon_send(child_, caf::exit_msg{port_->owner(), passed_on});
    } else if (phase_ == phase::asked) {
      phase_ = phase::unwanted;
      pool_->loop->unwatch(*this);
      deadline_ =
        time_after(std::chrono::steady_clock::now(), pool_->options.stop_grace);
      pool_->loop->watch(*this);
      tell(why ? *why : call_timeout(*pool_, runner()->name));
    } else if (phase_ == phase::queued && runner()) {
      fail(why ? *why : call_timeout(*pool_, runner()->name));
    }
  }

  void fail(call_error error) {
    if (phase_ == phase::done)
      return;
    phase_ = phase::done;
    child_ = nullptr;
    if (port_)
      port_->unlink(ticket_);
    pool_->loop->unwatch(*this);
    pool_->table.release(*this, std::move(spare_lane_));
    tell(std::move(error));
    // Last: this may be the last reference but the caller's.
    pool_->placed->remove(id_);
  }

  void tell(call_error error) {
    auto done = std::exchange(done_, nullptr);
    if (!done)
      return;
    outcome result;
    result.runner = error.runner();
    result.error = std::move(error);
    done->complete(std::move(result));
  }

  std::mutex mutex_;
  std::shared_ptr<pool_core> pool_;
  std::vector<char> request_;
  const bool is_linked_;
  std::unique_ptr<completion> done_;
  caf::actor child_;
  caf::actor_addr address_;
  time_point placed_at_;
  bool is_caller_told_ = false;
  std::optional<caf::error> ended_by_;
  std::shared_ptr<caller_port> port_;
  caller_port::ticket ticket_ = 0;
  std::unique_ptr<lane> spare_lane_;
  std::uint64_t id_ = 0;
  phase phase_ = phase::queued;
};

placements::placements() = default;

placements::~placements() = default;

void placements::report_to(caf::actor news) {
  news_ = std::move(news);
}

std::uint64_t placements::add(boost::intrusive_ptr<placement> what) {
  std::lock_guard guard{mutex_};
  auto id = ++last_id_;
  all_.emplace(id, std::move(what));
  return id;
}

void placements::remove(std::uint64_t id) {
  std::lock_guard guard{mutex_};
  all_.erase(id);
}

void placements::started(std::uint64_t id, const caf::actor& child) {
  if (auto what = find(id))
    what->started(child);
  else
    caf::anon_send_exit(child, caf::exit_reason::kill);
}

void placements::failed(std::uint64_t id, const caf::error& why) {
  if (auto what = find(id))
    what->failed_to_start(why);
}

void placements::ended(std::uint64_t id, const caf::error& reason) {
  if (auto what = find(id))
    what->ended(reason);
}

std::vector<placed_view> placements::look() {
  std::vector<boost::intrusive_ptr<placement>> all;
  {
    std::lock_guard guard{mutex_};
    for (auto& [id, each] : all_)
      all.push_back(each);
  }
  std::vector<placed_view> result;
  for (auto& each : all)
    if (auto view = each->look())
      result.push_back(std::move(*view));
  return result;
}

boost::intrusive_ptr<placement> placements::find(std::uint64_t id) {
  std::lock_guard guard{mutex_};
  auto i = all_.find(id);
  return i == all_.end() ? nullptr : i->second;
}

void place_for_actor(caf::scheduled_actor* self,
                     const std::shared_ptr<pool_core>& pool, buffer request,
                     const call_options& options,
                     std::unique_ptr<completion> done, bool awaits) {
  check_length(*pool, request);
  auto* body = reinterpret_cast<const char*>(request.data());
  std::vector<char> payload{body + frame_header::size, body + request.size()};
  auto port = pool->ports->of(self);
  auto ticket = port->expect(self, awaits);
  boost::intrusive_ptr<placement> what{
    new placement(pool, std::move(payload), options.link,
                  deadline_of(*pool, options, std::chrono::steady_clock::now()),
                  port->deliver(ticket, std::move(done)))};
  if (options.link)
    what->link_to(port, ticket);
  what->start();
}

} // namespace flame::detail
