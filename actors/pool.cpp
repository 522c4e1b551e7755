#include "flame/pool.hpp"

#include <caf/scoped_actor.hpp>

#include "flame/detail/caf.hpp"
#include "logging.hpp"
#include "pool_core.hpp"

namespace flame {

namespace {

/// Asks the pool's actor, and the next one where that ends before it answers.
template <class Atom>
caf::error ask(const caf::actor& pool, Atom what) {
  caf::scoped_actor self{pool.home_system()};
  while (true) {
    caf::error problem;
    self->request(pool, caf::infinite, what)
      .receive([] {},
               [&](caf::error& why) {
                 problem = std::move(why);
               });
    if (problem != caf::sec::request_receiver_down
        && code_of(problem) != errc::cancelled)
      return problem;
  }
}

} // namespace

pool::pool(std::shared_ptr<detail::pool_core> core, caf::actor address)
  : core_(std::move(core)),
    address_(std::move(address)) {
  // nop
}

const std::string& pool::name() const noexcept {
  return core_->name;
}

const pool_options& pool::options() const noexcept {
  return core_->options;
}

pool_stats pool::stats() const {
  auto now = core_->table.count();
  auto& ever = core_->count;
  return {ever.booting,      now.runners, now.in_use,   now.queued,  ever.boots,
          ever.failed_boots, ever.lost,   ever.retired, ever.retries};
}

call_stats pool::calls() const {
  return core_->calls.look();
}

histogram pool::boot_times() const {
  return core_->boot_times.look();
}

std::vector<runner_stats> pool::runners() const {
  auto now = std::chrono::steady_clock::now();
  std::vector<runner_stats> result;
  for (auto& view : core_->look()) {
    auto& added = result.emplace_back();
    added.name = view.name;
    added.state = to_string(view.state);
    added.pid = view.pid;
    added.age = now - view.begun;
    if (view.slots) {
      added.in_use = core_->table.in_use(*view.slots);
      added.slots = view.slots->capacity;
    }
  }
  return result;
}

void pool::shutdown() {
  // Where its supervisor has ended, there is nothing left to wait for.
  ask(address_, detail::stop_atom::value);
}

void pool::begin_shutdown() {
  caf::anon_send(address_, detail::stop_atom::value);
}

void pool::await_minimum() {
  if (auto why = ask(address_, detail::wait_atom::value))
    core_->log->warn("pool starts degraded pool={} min={} {}", name(),
                     options().min, describe(why));
}

} // namespace flame
