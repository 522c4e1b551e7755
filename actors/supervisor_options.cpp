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

std::string check_spec(const child_spec& spec, auto_shutdown mode) {
  std::string result;
  auto add = [&](const char* what) {
    result += fmt::format("child \"{}\": {}\n", spec.id, what);
  };
  if (spec.id.empty())
    add("id is empty");
  if (!spec.start)
    add("start is missing");
  if (spec.shutdown && *spec.shutdown < duration{0}
      && *spec.shutdown != brutal_kill)
    add("shutdown is negative, and not brutal_kill");
  if (spec.restart > restart::temporary)
    add("restart is not one of its values");
  if (spec.type && *spec.type > child_type::supervisor)
    add("type is not one of its values");
  if (spec.significant && mode == auto_shutdown::never)
    add("significant needs an auto_shutdown of the supervisor");
  if (spec.significant && spec.restart == restart::permanent)
    add("a permanent child is never significant, as it does not end");
  return result;
}

namespace {

std::string check_numbers(const supervisor_options& options) {
  std::string result;
  auto add = [&](const char* what) {
    result += fmt::format("{}\n", what);
  };
  if (options.period <= duration{0})
    add("period is not more than 0");
  if (options.min_backoff < duration{0})
    add("min_backoff is negative");
  if (options.max_backoff < options.min_backoff)
    add("max_backoff is less than min_backoff");
  if (is_endless(options.max_backoff))
    add("max_backoff is infinite");
  if (!(options.jitter >= 0 && options.jitter <= 1))
    add("jitter is not within 0 and 1");
  if (options.backoff_reset && *options.backoff_reset < duration{0})
    add("backoff_reset is negative");
  if (options.strategy > strategy::dynamic)
    add("strategy is not one of its values");
  if (options.auto_shutdown > auto_shutdown::all_significant)
    add("auto_shutdown is not one of its values");
  return result;
}

} // namespace

} // namespace detail

std::string check(const supervisor_options& options) {
  auto result = detail::check_numbers(options);
  std::set<std::string> ids;
  for (auto& spec : options.children) {
    result += detail::check_spec(spec, options.auto_shutdown);
    if (!ids.insert(spec.id).second)
      result +=
        fmt::format("child \"{}\": there are two of this id\n", spec.id);
  }
  if (options.strategy == strategy::dynamic && options.children.size() != 1)
    result += fmt::format("a dynamic supervisor has one child, from which the "
                          "others are made, and not {}\n",
                          options.children.size());
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
