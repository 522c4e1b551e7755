#include "flame/pool.hpp"

#include <caf/scoped_actor.hpp>

#include "flame/detail/caf.hpp"
#include "logging.hpp"
#include "pool_core.hpp"

namespace flame {

pool::pool(std::shared_ptr<detail::pool_core> core, caf::actor supervisor)
  : core_(std::move(core)),
    supervisor_(std::move(supervisor)) {
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

void pool::shutdown() {
  caf::scoped_actor self{supervisor_.home_system()};
  // The actor may be gone already; then there is nothing left to wait for.
  self->request(supervisor_, caf::infinite, detail::stop_atom::value)
    .receive([] {}, [](const caf::error&) {});
}

void pool::begin_shutdown() {
  caf::anon_send(supervisor_, detail::stop_atom::value);
}

void pool::await_minimum() {
  caf::scoped_actor self{supervisor_.home_system()};
  self->request(supervisor_, caf::infinite, detail::wait_atom::value)
    .receive([] {},
             [this](const caf::error& why) {
               core_->log->warn("pool starts degraded pool={} min={} {}",
                                name(), options().min, describe(why));
             });
}

} // namespace flame
