#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "supervisor_core.hpp"

namespace flame::detail {

namespace {

template <class... Args>
caf::error not_found(fmt::format_string<Args...> text, Args&&... args) {
  return make_error(errc::child_not_found,
                    fmt::format(text, std::forward<Args>(args)...));
}

bool is_dead(const caf::actor& handle) {
  return caf::actor_cast<caf::abstract_actor*>(handle)->getf(
    caf::abstract_actor::is_terminated_flag);
}

} // namespace

/// Why a request cannot be served now, if it is for supervisors of the other
/// kind, or comes too late.
caf::error supervisor_core::refusal(bool is_for_dynamic) const {
  if (ending_)
    return make_error(
      errc::supervisor_ended,
      fmt::format("supervisor {} is about to end", options_.name));
  if (is_for_dynamic != is_dynamic())
    return make_error(errc::wrong_strategy,
                      fmt::format("supervisor {} {} dynamic: use {}",
                                  options_.name, is_dynamic() ? "is" : "is not",
                                  is_dynamic() ? "start_one and terminate_child"
                                               : "start_child"));
  return {};
}

/// Why a child is not stopped, if it is not.
caf::error supervisor_core::busy(child_ptr child) const {
  switch (child->phase) {
    case child_phase::stopped:
      return {};
    case child_phase::waiting:
      return make_error(
        errc::child_restarting,
        fmt::format("child {} is about to be restarted", child->spec.id));
    default:
      return make_error(errc::child_running,
                        fmt::format("child {} runs", child->spec.id));
  }
}

caf::response_promise supervisor_core::start_child(flame::start_child& what) {
  auto promise = self_->make_response_promise();
  if (auto why = refusal(false)) {
    promise.deliver(why);
    return promise;
  }
  if (auto mistakes = check_spec(what.spec, options_.auto_shutdown);
      !mistakes.empty()) {
    promise.deliver(make_error(errc::invalid_configuration, mistakes));
    return promise;
  }
  auto& id = what.spec.id;
  if (auto known = children_.find(id); known != children_.end()) {
    auto is_there = known->handle || known->phase == child_phase::starting;
    promise.deliver(make_error(
      is_there ? errc::child_running : errc::child_present,
      fmt::format("supervisor {} has a child {}", options_.name, id)));
    return promise;
  }
  auto child = children_.add(with_defaults(std::move(what.spec)));
  child->on_started = promise;
  start(child, start_cause::added);
  return promise;
}

caf::response_promise supervisor_core::start_one(flame::start_one& what) {
  auto promise = self_->make_response_promise();
  if (auto why = refusal(true)) {
    promise.deliver(why);
    return promise;
  }
  if (children_.size() >= options_.max_children) {
    promise.deliver(
      make_error(errc::too_many_children,
                 fmt::format("supervisor {} has {} children (max_children)",
                             options_.name, children_.size())));
    return promise;
  }
  auto spec = blueprint_;
  spec.id = fmt::format("{}-{}", spec.id, ++named_);
  auto child = children_.add(std::move(spec));
  child->args = std::move(what.args);
  child->on_started = promise;
  start(child, start_cause::added);
  return promise;
}

caf::response_promise supervisor_core::terminate_child(
  const flame::terminate_child& what) {
  auto promise = self_->make_response_promise();
  auto child = children_.end();
  if (!what.id.empty())
    child = children_.find(what.id);
  else if (what.handle && is_dynamic())
    child = children_.find(what.handle.address());
  if (child == children_.end()) {
    // A child of a dynamic supervisor that has ended is forgotten, and stopped.
    if (what.handle && is_dynamic() && is_dead(what.handle))
      promise.deliver(caf::unit);
    else
      promise.deliver(
        not_found("supervisor {} has no child {}", options_.name,
                  what.id.empty() ? to_string(what.handle) : what.id));
    return promise;
  }
  auto then = child->is_temporary() || is_dynamic() ? after_stop::forget
                                                    : after_stop::stay;
  child->is_held = true;
  switch (child->phase) {
    case child_phase::stopped:
    case child_phase::waiting:
      stand_down(child);
      promise.deliver(caf::unit);
      advance();
      return promise;
    case child_phase::stopping:
      child->then = std::max(child->then, then);
      break;
    case child_phase::starting:
      if (!child->handle) {
        child->is_unwanted = true;
        child->then = then;
        break;
      }
      [[fallthrough]];
    case child_phase::running:
      stop(child, then);
      break;
  }
  child->on_stopped.push_back(promise);
  return promise;
}

caf::response_promise supervisor_core::restart_child(const std::string& id) {
  auto promise = self_->make_response_promise();
  auto child = children_.find(id);
  auto why = refusal(false);
  if (!why && child == children_.end())
    why = not_found("supervisor {} has no child {}", options_.name, id);
  if (!why)
    why = busy(child);
  if (why) {
    promise.deliver(why);
    return promise;
  }
  child->on_started = promise;
  start(child, start_cause::asked);
  return promise;
}

caf::result<void> supervisor_core::delete_child(const std::string& id) {
  if (auto why = refusal(false))
    return why;
  auto child = children_.find(id);
  if (child == children_.end())
    return not_found("supervisor {} has no child {}", options_.name, id);
  if (auto why = busy(child))
    return why;
  forget(child);
  return caf::unit;
}

std::vector<child_info> supervisor_core::which_children() {
  std::vector<child_info> result;
  result.reserve(children_.size());
  for (auto i = children_.begin(); i != children_.end(); ++i)
    result.push_back(about(i));
  return result;
}

child_counts supervisor_core::count_children() {
  child_counts result;
  for (auto& each : children_) {
    ++result.specs;
    result.active += each.phase == child_phase::running;
    ++(each.is_supervisor() ? result.supervisors : result.workers);
  }
  if (is_dynamic())
    result.specs = 1;
  return result;
}

caf::result<child_spec> supervisor_core::get_spec(const std::string& id) {
  if (is_dynamic())
    return blueprint_;
  auto child = children_.find(id);
  if (child == children_.end())
    return not_found("supervisor {} has no child {}", options_.name, id);
  return child->spec;
}

caf::result<void> supervisor_core::change_options(supervisor_options& options) {
  auto will_be_dynamic = options.strategy == strategy::dynamic;
  if (auto why = refusal(will_be_dynamic))
    return why;
  if (auto mistakes = check(options); !mistakes.empty())
    return make_error(errc::invalid_configuration, mistakes);
  if (sweep_ != sweep::none || !has_begun_)
    return make_error(errc::child_restarting,
                      fmt::format("children of supervisor {} are being started "
                                  "or restarted: try again",
                                  options_.name));
  change_children(options.children);
  options.children.clear();
  options_ = std::move(options);
  return caf::unit;
}

void supervisor_core::change_children(std::vector<child_spec>& specs) {
  if (is_dynamic()) {
    blueprint_ = with_defaults(std::move(specs.front()));
    for (auto& each : children_) {
      auto id = std::move(each.spec.id);
      each.spec = blueprint_;
      each.spec.id = std::move(id);
    }
    return;
  }
  std::set<std::string> named;
  for (auto& spec : specs) {
    named.insert(spec.id);
    auto child = children_.find(spec.id);
    if (child == children_.end())
      child = children_.add(with_defaults(std::move(spec)));
    else
      child->spec = with_defaults(std::move(spec));
    children_.move_to_end(child);
  }
  // Those that are not named stay, on the right.
  std::vector<child_ptr> others;
  for (auto i = children_.begin(); i != children_.end(); ++i)
    if (!named.contains(i->spec.id))
      others.push_back(i);
  for (auto child : others)
    children_.move_to_end(child);
}

} // namespace flame::detail
