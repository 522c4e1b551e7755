#include <set>

#include <fmt/format.h>

#include "supervisor_core.hpp"
#include "timing.hpp"

namespace flame {

namespace detail {

child_spec with_defaults(child_spec spec) {
  if (!spec.type)
    spec.type = spec.start && spec.start.impl()->starts_supervisor()
                  ? child_type::supervisor
                  : child_type::worker;
  if (!spec.shutdown)
    spec.shutdown = spec.type == child_type::supervisor
                      ? infinite
                      : duration{std::chrono::seconds{5}};
  return spec;
}

namespace {

using mistakes_found = std::vector<option_mistake>;

void find_mistakes(const child_spec& spec, auto_shutdown mode,
                   std::optional<std::size_t> child, mistakes_found& found) {
  auto add = [&](std::string_view key, const char* text) {
    found.push_back({child, {key}, text});
  };
  if (spec.id.empty())
    add("id", "id is empty");
  if (!spec.start)
    add("start", "start is missing");
  if (spec.shutdown && *spec.shutdown < duration{0}
      && *spec.shutdown != brutal_kill)
    add("shutdown", "shutdown is negative, and not brutal_kill");
  if (spec.restart > restart::temporary)
    add("restart", "restart is not one of its values");
  if (spec.type && *spec.type > child_type::supervisor)
    add("type", "type is not one of its values");
  if (spec.significant && mode == auto_shutdown::never)
    add("significant", "significant needs an auto_shutdown of the supervisor");
  if (spec.significant && spec.restart == restart::permanent)
    add("significant",
        "a permanent child is never significant, as it does not end");
}

void find_mistakes_in_numbers(const supervisor_options& options,
                              mistakes_found& found) {
  auto add = [&](std::string_view key, const char* text) {
    found.push_back({std::nullopt, {key}, text});
  };
  if (options.period <= duration{0})
    add("period", "period is not more than 0");
  if (options.min_backoff < duration{0})
    add("min_backoff", "min_backoff is negative");
  if (options.max_backoff < options.min_backoff)
    found.push_back({std::nullopt,
                     {"max_backoff", "min_backoff"},
                     "max_backoff is less than min_backoff"});
  if (is_endless(options.max_backoff))
    add("max_backoff", "max_backoff is infinite");
  if (!(options.jitter >= 0 && options.jitter <= 1))
    add("jitter", "jitter is not within 0 and 1");
  if (options.backoff_reset && *options.backoff_reset < duration{0})
    add("backoff_reset", "backoff_reset is negative");
  if (options.strategy > strategy::dynamic)
    add("strategy", "strategy is not one of its values");
  if (options.auto_shutdown > auto_shutdown::all_significant)
    add("auto_shutdown", "auto_shutdown is not one of its values");
}

std::string text_of(const option_mistake& mistake, const std::string& child) {
  return mistake.child ? fmt::format("child \"{}\": {}\n", child, mistake.text)
                       : fmt::format("{}\n", mistake.text);
}

} // namespace

std::vector<option_mistake> mistakes_in(const supervisor_options& options) {
  mistakes_found result;
  find_mistakes_in_numbers(options, result);
  std::set<std::string> ids;
  for (std::size_t i = 0; i < options.children.size(); ++i) {
    auto& spec = options.children[i];
    find_mistakes(spec, options.auto_shutdown, i, result);
    if (!ids.insert(spec.id).second)
      result.push_back({i, {"id"}, "there are two of this id"});
  }
  if (options.strategy == strategy::dynamic && options.children.size() != 1)
    result.push_back({std::nullopt,
                      {"children", "strategy"},
                      fmt::format("a dynamic supervisor has one child, from "
                                  "which the others are made, and not {}",
                                  options.children.size())});
  return result;
}

std::string check_spec(const child_spec& spec, auto_shutdown mode) {
  mistakes_found found;
  find_mistakes(spec, mode, 0, found);
  std::string result;
  for (auto& mistake : found)
    result += text_of(mistake, spec.id);
  return result;
}

} // namespace detail

std::string check(const supervisor_options& options) {
  std::string result;
  for (auto& mistake : detail::mistakes_in(options))
    result += detail::text_of(
      mistake, mistake.child ? options.children[*mistake.child].id : "");
  if (!result.empty()) {
    result.pop_back();
    result = fmt::format("supervisor {}: {}", options.name, result);
  }
  return result;
}

const char* to_string(strategy value) noexcept {
  switch (value) {
    case strategy::one_for_one:
      return "one_for_one";
    case strategy::one_for_all:
      return "one_for_all";
    case strategy::rest_for_one:
      return "rest_for_one";
    case strategy::dynamic:
      return "dynamic";
  }
  return "unknown";
}

const char* to_string(child_status value) noexcept {
  switch (value) {
    case child_status::stopped:
      return "stopped";
    case child_status::restarting:
      return "restarting";
    case child_status::starting:
      return "starting";
    case child_status::running:
      return "running";
    case child_status::stopping:
      return "stopping";
  }
  return "unknown";
}

} // namespace flame
