#include "caller_ports.hpp"

#include <algorithm>

namespace flame::detail {

namespace {

using arrived_atom = caf::atom_constant<caf::atom("flArrived")>;

} // namespace

class caller_port::envelope final : public completion {
public:
  envelope(std::shared_ptr<caller_port> port, ticket of,
           std::unique_ptr<completion> done)
    : port_(std::move(port)),
      ticket_(of),
      done_(std::move(done)) {
    // nop
  }

  void complete(outcome&& result) override {
    port_->arrived(ticket_, std::move(done_), std::move(result));
  }

  bool is_quick() const noexcept override {
    return true;
  }

private:
  std::shared_ptr<caller_port> port_;
  ticket ticket_;
  std::unique_ptr<completion> done_;
};

bool caller_port::has_quit(const caf::scheduled_actor* self) {
  return self->getf(caf::abstract_actor::is_shutting_down_flag);
}

caller_port::ticket caller_port::expect(caf::scheduled_actor* self,
                                        bool awaits) {
  std::unique_lock guard{mutex_};
  auto result = ++last_ticket_;
  kept_ = self->ctrl();
  if (awaits) {
    auto id = self->new_request_id(caf::message_priority::normal).response_id();
    awaited_.emplace(result, id);
    guard.unlock();
    self->add_awaited_response_handler(
      id, caf::behavior{[port = shared_from_this(), result](arrived_atom) {
        port->run_awaited(result);
      }});
    return result;
  }
  ++expected_;
  if (!armed_ && !running_)
    arm(self);
  return result;
}

caller_port::ticket caller_port::next_ticket() {
  std::lock_guard guard{mutex_};
  return ++last_ticket_;
}

std::unique_ptr<completion> caller_port::deliver(
  ticket of, std::unique_ptr<completion> done) {
  return std::make_unique<envelope>(shared_from_this(), of, std::move(done));
}

void caller_port::link(ticket of, boost::intrusive_ptr<pending_work> work) {
  std::lock_guard guard{mutex_};
  linked_.emplace(of, std::move(work));
}

void caller_port::unlink(ticket of) {
  boost::intrusive_ptr<pending_work> work;
  std::lock_guard guard{mutex_};
  if (auto i = linked_.find(of); i != linked_.end()) {
    work = std::move(i->second);
    linked_.erase(i);
  }
}

void caller_port::tell_owner(caf::message what) {
  if (auto owner = caf::actor_cast<caf::strong_actor_ptr>(owner_))
    owner->enqueue(nullptr, caf::make_message_id(), std::move(what), nullptr);
}

caf::actor_addr caller_port::owner() const {
  return caf::actor_cast<caf::actor_addr>(owner_);
}

bool caller_port::is_gone() const {
  std::lock_guard guard{mutex_};
  return gone_;
}

void caller_port::owner_gone(const caf::error& reason) {
  decltype(linked_) orphans;
  std::vector<delivery> dropped;
  caf::strong_actor_ptr let_go;
  {
    std::lock_guard guard{mutex_};
    gone_ = true;
    let_go.swap(kept_);
    orphans.swap(linked_);
    dropped.swap(arrived_);
  }
  for (auto& [of, work] : orphans)
    work->cancel(reason);
}

void caller_port::arrived(ticket of, std::unique_ptr<completion> done,
                          outcome&& result) {
  std::lock_guard guard{mutex_};
  if (gone_)
    return;
  if (auto i = awaited_.find(of); i != awaited_.end()) {
    awaited_arrived_.emplace(
      of, delivery{std::move(done), std::move(result), true});
    signal(i->second);
    awaited_.erase(i);
    return;
  }
  deposit({std::move(done), std::move(result), true});
}

void caller_port::post(std::unique_ptr<completion> what) {
  std::lock_guard guard{mutex_};
  if (!gone_)
    deposit({std::move(what), {}, false});
}

void caller_port::deposit(delivery what) {
  arrived_.push_back(std::move(what));
  if (std::exchange(armed_, false))
    signal(response_);
}

void caller_port::arm(caf::scheduled_actor* self) {
  response_ = self->new_request_id(caf::message_priority::normal).response_id();
  armed_ = true;
  self->add_multiplexed_response_handler(
    response_, caf::behavior{[port = shared_from_this(), self](arrived_atom) {
      port->run(self);
    }});
  if (!arrived_.empty()) {
    armed_ = false;
    signal(response_);
  }
}

void caller_port::signal(caf::message_id id) {
  if (auto owner = caf::actor_cast<caf::strong_actor_ptr>(owner_))
    owner->enqueue(nullptr, id, caf::make_message(arrived_atom::value),
                   nullptr);
}

void caller_port::run(caf::scheduled_actor* self) {
  std::vector<delivery> batch;
  {
    std::lock_guard guard{mutex_};
    batch.swap(arrived_);
    expected_ -= static_cast<std::size_t>(
      std::ranges::count_if(batch, &delivery::is_expected));
    running_ = true;
  }
  // A handler may throw, which ends the actor, or make further calls.
  struct rearm {
    caller_port& port;
    caf::scheduled_actor* self;
    ~rearm() {
      std::lock_guard guard{port.mutex_};
      port.running_ = false;
      if (port.expected_ > 0 && !port.armed_ && !has_quit(self))
        port.arm(self);
      port.let_go_if_done();
    }
  } after{*this, self};
  for (auto& next : batch) {
    if (has_quit(self))
      return;
    next.done->complete(std::move(next.result));
  }
}

void caller_port::run_awaited(ticket of) {
  delivery next;
  {
    std::lock_guard guard{mutex_};
    auto i = awaited_arrived_.find(of);
    if (i == awaited_arrived_.end())
      return;
    next = std::move(i->second);
    awaited_arrived_.erase(i);
  }
  next.done->complete(std::move(next.result));
  std::lock_guard guard{mutex_};
  let_go_if_done();
}

void caller_port::let_go_if_done() {
  // In the actor's context, where the scheduler holds a reference as well.
  if (expected_ == 0 && awaited_.empty() && awaited_arrived_.empty())
    kept_ = nullptr;
}

std::shared_ptr<caller_port> caller_ports::of(caf::scheduled_actor* self) {
  auto id = self->id();
  {
    std::lock_guard guard{mutex_};
    if (auto i = ports_.find(id); i != ports_.end())
      return i->second;
  }
  auto port =
    std::make_shared<caller_port>(caf::strong_actor_ptr{self->ctrl()});
  {
    std::lock_guard guard{mutex_};
    ports_.emplace(id, port);
  }
  self->attach_functor(
    [ports = shared_from_this(), id, port](const caf::error& reason) {
      {
        std::lock_guard guard{ports->mutex_};
        ports->ports_.erase(id);
      }
      port->owner_gone(reason);
    });
  return port;
}

} // namespace flame::detail
