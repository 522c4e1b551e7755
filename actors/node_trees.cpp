#include "node_trees.hpp"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "node_impl.hpp"
#include "supervisor_actor.hpp"
#include "threads.hpp"
#include "tree_config.hpp"
#include "waiting_report.hpp"

namespace flame {

namespace detail {

namespace {

bool has_ended(const flame::supervisor& which) {
  return caf::actor_cast<caf::abstract_actor*>(which.handle())
    ->getf(caf::abstract_actor::is_terminated_flag);
}

bool is_ready(const node_trees::tree& which) {
  return which.started.wait_for(std::chrono::seconds{0})
         == std::future_status::ready;
}

} // namespace

std::optional<node_trees::tree> node_trees::find_locked(
  const std::string& name) {
  std::erase_if(all_, [](const tree& each) {
    return is_ready(each) && has_ended(each.top);
  });
  for (auto& each : all_)
    if (each.name == name)
      return each;
  return std::nullopt;
}

std::optional<node_trees::tree> node_trees::find(const std::string& name) {
  std::lock_guard guard{mutex_};
  return find_locked(name);
}

node_trees::tree node_trees::start(caf::actor_system& system,
                                   const std::string& name,
                                   supervisor_options options) {
  std::lock_guard guard{mutex_};
  if (is_closed_)
    throw call_error{errc::supervisor_ended,
                     fmt::format("supervisor {} is not started, as its node "
                                 "has been shut down",
                                 name)};
  if (auto there = find_locked(name))
    return *there;
  auto report = std::make_shared<waiting_report>();
  auto outcome = report->result();
  auto top = spawn_supervisor_actor(system, std::move(options), nullptr,
                                    std::move(report));
  return all_.emplace_back(tree{name, std::move(top), outcome.share()});
}

void node_trees::forget(const tree& which) {
  std::lock_guard guard{mutex_};
  std::erase_if(all_, [&](const tree& each) {
    return each.top.handle() == which.top.handle();
  });
}

std::map<std::string, flame::supervisor> node_trees::running() {
  std::lock_guard guard{mutex_};
  std::map<std::string, flame::supervisor> result;
  for (auto& each : all_)
    if (!has_ended(each.top) && is_ready(each) && !each.started.get())
      result.emplace(each.name, each.top);
  return result;
}

void node_trees::shut_down() {
  std::vector<tree> ending;
  {
    std::lock_guard guard{mutex_};
    is_closed_ = true;
    ending = all_;
  }
  std::reverse(ending.begin(), ending.end());
  for (auto& each : ending) {
    auto& handle = each.top.handle();
    caf::scoped_actor self{handle.home_system()};
    self->send_exit(handle, caf::exit_reason::user_shutdown);
    self->wait_for(handle);
    // Not before: another thread may wait for it, too.
    forget(each);
  }
}

namespace {

call_error why_not_started(const std::string& name, const caf::error& why) {
  if (code_of(why) != errc{})
    return call_error{why};
  return call_error{errc::supervisor_ended,
                    fmt::format("supervisor {} was ended before its children "
                                "had been started",
                                name)};
}

} // namespace

} // namespace detail

supervisor node::supervisor(const std::string& name) {
  if (impl_->is_runner)
    throw call_error{
      errc::invalid_configuration,
      fmt::format("supervisor {} was asked for on a runner: those of the "
                  "configuration are the parent's. An actor that is placed "
                  "here can be one, see flame::supervise",
                  name)};
  auto must_not_wait = detail::on_scheduler_thread(impl_->scheduler_threads);
  auto tree = impl_->trees.find(name);
  if (must_not_wait && !(tree && detail::is_ready(*tree)))
    throw call_error{
      errc::on_scheduler_thread,
      fmt::format("supervisor {} was asked for inside an actor, which would "
                  "have to wait for its start: start it on a thread, at the "
                  "beginning of main",
                  name)};
  if (!tree)
    tree = impl_->trees.start(
      impl_->system, name,
      detail::tree_options(impl_->options, name, [&](const auto& pool) {
        return impl_->find_or_start_pool(pool, {});
      }));
  if (auto why = tree->started.get()) {
    impl_->trees.forget(*tree);
    throw detail::why_not_started(name, why);
  }
  return tree->top;
}

std::map<std::string, supervisor> node::supervisors() const {
  return impl_->trees.running();
}

} // namespace flame
