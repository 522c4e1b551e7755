#include "config_schema.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "config_text.hpp"

namespace flame::detail {

namespace {

constexpr std::uint64_t day = duration{std::chrono::hours{24}}.count();

constexpr std::array levels = {
  std::string_view{"trace"}, std::string_view{"debug"},
  std::string_view{"info"},  std::string_view{"warn"},
  std::string_view{"error"}, std::string_view{"off"}};

constexpr std::array isolations = {std::string_view{"thread"},
                                   std::string_view{"process"}};

constexpr std::array repeatable = {
  errc::runner_lost, errc::boot_failed,      errc::call_crashed,
  errc::queue_full,  errc::out_of_resources, errc::remote_exception};

using pool_row = option<pool_options>;

using node_row = option<node_settings>;

// A new option of a pool is one row here; reading, checking, printing and help
// follow from it.
constexpr std::array pool_rows = {
  pool_row{{"min", option_kind::count, 0, 10'000, "runners",
            "Runners that are booted at once and kept. At most `max`."},
           &pool_options::min},
  pool_row{{"max", option_kind::count, 1, 10'000, "runners",
            "Most runners at a time."},
           &pool_options::max},
  pool_row{{"max_concurrency", option_kind::count, 1, 10'000, "slots",
            "Calls and children that a runner has at a time."},
           &pool_options::max_concurrency},
  pool_row{{"single_use", option_kind::flag, 0, 1, "true|false",
            "Whether a runner is let go after one call or child; "
            "`max_concurrency` is 1 then."},
           &pool_options::single_use},
  pool_row{{"max_queue", option_kind::count, 1, unlimited, "callers",
            "Most callers that may wait for a slot; one more fails with "
            "queue_full."},
           &pool_options::max_queue},
  pool_row{{"timeout", option_kind::time, 1, forever, "time",
            "Time for a call: queue, boot, transfer and execution together."},
           &pool_options::timeout},
  pool_row{{"boot_timeout", option_kind::time, 1, forever, "time",
            "Time for a boot: from the request to the runner being ready."},
           &pool_options::boot_timeout},
  pool_row{
    {"shutdown_timeout", option_kind::time, 0, forever, "time",
     "Time that running work gets when pool, runner or parent shut down."},
    &pool_options::shutdown_timeout},
  pool_row{{"stop_grace", option_kind::time, 0, forever, "time",
            "Time that a function gets to end after it was asked to stop; the "
            "runner of one that takes longer gets no new work."},
           &pool_options::stop_grace},
  pool_row{{"drain_timeout", option_kind::time, 0, forever, "time",
            "Time that the other work on such a runner gets, before it is "
            "ended by force and replaced."},
           &pool_options::drain_timeout},
  pool_row{{"idle_shutdown_after", option_kind::time, 0, forever, "time",
            "A runner above `min` that had nothing to do for this long is "
            "let go."},
           &pool_options::idle_shutdown_after},
  pool_row{{"min_idle_shutdown_after", option_kind::time, 0, forever, "time",
            "A runner of `min` that had nothing to do for this long is let "
            "go, until a caller has to wait."},
           &pool_options::min_idle_shutdown_after},
  pool_row{{"track_resources", option_kind::flag, 0, 1, "true|false",
            "Whether actors in the result of a call keep its slot, and so the "
            "runner, until they have ended."},
           &pool_options::track_resources},
  pool_row{{"max_message", option_kind::size, 1 << 10, std::uint64_t{1} << 36,
            "bytes", "Longest arguments and longest result of one call."},
           &pool_options::max_message},
  pool_row{{"backend", option_kind::backend_name, 0, 0, "name",
            "What boots the runners; default: what FLAME_BACKEND says. In a "
            "file also a map: `name`, and settings of this backend."},
           &pool_options::backend},
  pool_row{{"isolation", option_kind::isolation, 0, 0, "thread|process",
            "What serves a call: a thread of its runner, or a process of its "
            "own beside it."},
           &pool_options::isolation},
  pool_row{{"memory_limit", option_kind::size, 0, std::uint64_t{1} << 46,
            "bytes",
            "What such a process may map beside what it starts with; 0: no "
            "limit."},
           &pool_options::memory_limit},
  pool_row{{"max_calls_per_worker", option_kind::count, 0, unlimited, "calls",
            "Calls that such a process serves before another one takes its "
            "place; 0: no limit."},
           &pool_options::max_calls_per_worker},
  pool_row{{"retry.attempts", option_kind::count, 1, 1'000, "attempts",
            "Most attempts for a call that is idempotent, the first one "
            "included; 1: none is repeated."},
           &retry_options::attempts},
  pool_row{{"retry.backoff", option_kind::time, 0, forever, "time",
            "Pause before the second attempt; doubled before each further one, "
            "up to 1min or this."},
           &retry_options::backoff},
  pool_row{{"retry.jitter", option_kind::fraction, 0, 1, "fraction",
            "Share of each pause that is left to chance."},
           &retry_options::jitter},
  pool_row{{"retry.on", option_kind::codes, 0, 0, "codes",
            "The failures that are worth another attempt, with commas."},
           &retry_options::on},
  pool_row{{"heartbeat.interval", option_kind::time, 0, day, "time",
            "Time between two heart-beats of parent and runner; 0s: none."},
           &heartbeat_options::interval},
  pool_row{{"heartbeat.tolerance", option_kind::time, 1, forever, "time",
            "Silence after which a runner is ended and replaced, and a runner "
            "leaves its parent. More than the interval."},
           &heartbeat_options::tolerance},
  pool_row{{"allow_different_builds", option_kind::flag, 0, 1, "true|false",
            "Whether runners may be other builds of the program; then only "
            "functions that FLAME_FUNCTION names can be called."},
           &pool_options::allow_different_builds},
  pool_row{
    {"log", option_kind::level, 0, 0, "level",
     "Lowest level of what the pool logs, its runners' output included."},
    &pool_options::log},
};

constexpr std::array node_rows = {
  node_row{{"name", option_kind::node_name, 0, 0, "name",
            "The node's name in log lines."},
           &node_settings::name},
  node_row{{"scheduler_threads", option_kind::count, 0, 1'024, "threads",
            "Threads of CAF's scheduler; 0: chosen by the number of CPUs."},
           &node_settings::scheduler_threads},
  node_row{{"log", option_kind::level, 0, 0, "level",
            "Lowest level of what the node logs."},
           &node_settings::log},
};

template <class Rows>
std::vector<std::string_view> keys_of(const Rows& rows) {
  std::vector<std::string_view> result;
  result.reserve(rows.size());
  for (auto& row : rows)
    result.push_back(row.key);
  return result;
}

template <class Rows>
auto find_in(const Rows& rows, std::string_view key) {
  auto found = std::find_if(rows.begin(), rows.end(), [key](auto& row) {
    return row.key == key;
  });
  return found != rows.end() ? &*found : nullptr;
}

std::string format_number(const option_info& info, std::uint64_t value) {
  switch (info.kind) {
    case option_kind::time:
      return format_duration(duration{static_cast<duration::rep>(value)});
    case option_kind::size:
      return format_size(static_cast<std::size_t>(value));
    default:
      return grouped(static_cast<std::size_t>(value));
  }
}

bool parse_flag(std::string_view text) {
  if (text != "true" && text != "false")
    throw_invalid(in_quotes(text) + " is neither `true` nor `false`");
  return text == "true";
}

double parse_fraction(std::string_view text) {
  double result = 0;
  auto end = text.data() + text.size();
  auto [stopped, error] = std::from_chars(text.data(), end, result);
  if (error != std::errc{} || stopped != end)
    throw_invalid(in_quotes(text) + " is not a number");
  return result;
}

std::vector<std::string_view> names_of_codes() {
  std::vector<std::string_view> result;
  result.reserve(repeatable.size());
  for (auto code : repeatable)
    result.push_back(to_string(code));
  return result;
}

errc parse_code(std::string_view text) {
  for (auto code : repeatable)
    if (to_string(code) == text)
      return code;
  throw_invalid(in_quotes(text) + " is not a failure to repeat for: "
                + suggestion(text, names_of_codes()));
}

/// Separated by commas, in brackets or not, as in YAML.
std::vector<errc> parse_codes(std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']'))
    text = trimmed(text.substr(1, text.size() - 2));
  std::vector<errc> result;
  while (!text.empty()) {
    auto comma = std::min(text.find(','), text.size());
    auto code = parse_code(trimmed(text.substr(0, comma)));
    if (std::find(result.begin(), result.end(), code) == result.end())
      result.push_back(code);
    if (comma + 1 == text.size())
      throw_invalid("a code is missing after the last comma");
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return result;
}

std::string format_codes(const std::vector<errc>& codes) {
  std::vector<std::string_view> names;
  names.reserve(codes.size());
  for (auto code : codes)
    names.push_back(to_string(code));
  return '[' + joined(names) + ']';
}

std::optional<std::string> mistake_in_codes(const std::vector<errc>& codes) {
  for (auto code : codes)
    if (std::find(repeatable.begin(), repeatable.end(), code)
        == repeatable.end())
      return in_quotes(to_string(code)) + " is not a failure to repeat for: "
             + suggestion(to_string(code), names_of_codes());
  return std::nullopt;
}

bool in_range(const option_info& info, const option_value& value) {
  if (auto number = std::get_if<double>(&value))
    return *number >= static_cast<double>(info.low)
           && *number <= static_cast<double>(info.high);
  if (auto number = std::get_if<std::size_t>(&value))
    return *number >= info.low && *number <= info.high;
  auto count = std::get<duration>(value).count();
  return count >= 0 && static_cast<std::uint64_t>(count) >= info.low
         && static_cast<std::uint64_t>(count) <= info.high;
}

std::optional<std::string> mistake_in_name(const option_info& info,
                                           const std::string& name) {
  // A pool whose options name no backend leaves the choice to the node.
  if (info.kind == option_kind::backend_name ? name.empty() || is_name(name)
                                             : is_node_name(name))
    return std::nullopt;
  return in_quotes(name) + " is not a name: " + range_of(info);
}

std::optional<std::string> mistake_in_level(const std::string& level) {
  if (std::find(levels.begin(), levels.end(), level) != levels.end())
    return std::nullopt;
  return in_quotes(level) + " is not a level: "
         + suggestion(level, {levels.begin(), levels.end()});
}

std::optional<std::string> mistake_in_isolation(const std::string& what) {
  if (std::find(isolations.begin(), isolations.end(), what) != isolations.end())
    return std::nullopt;
  return in_quotes(what) + " is neither `thread` nor `process`";
}

/// The part of the options that has a member.
template <class Options, class T>
const Options& part_with(T Options::*, const Options& options) {
  return options;
}

template <class Options, class T>
Options& part_with(T Options::*, Options& options) {
  return options;
}

template <class T>
const retry_options& part_with(T retry_options::*,
                               const pool_options& options) {
  return options.retry;
}

template <class T>
retry_options& part_with(T retry_options::*, pool_options& options) {
  return options.retry;
}

template <class T>
const heartbeat_options& part_with(T heartbeat_options::*,
                                   const pool_options& options) {
  return options.heartbeat;
}

template <class T>
heartbeat_options& part_with(T heartbeat_options::*, pool_options& options) {
  return options.heartbeat;
}

template <class T>
option_value value_of(const T& field) {
  if constexpr (std::is_same_v<T, backend_options>)
    return field.name;
  else if constexpr (std::is_same_v<T, isolation>)
    return std::string{to_string(field)};
  else
    return field;
}

template <class Options>
option_value get_field(const option<Options>& row, const Options& from) {
  return std::visit(
    [&](auto member) {
      return value_of(part_with(member, from).*member);
    },
    row.field);
}

template <class Options>
void set_field(const option<Options>& row, Options& to,
               const option_value& value) {
  std::visit(
    [&](auto member) {
      auto& field = part_with(member, to).*member;
      using type = std::decay_t<decltype(field)>;
      if constexpr (std::is_same_v<type, backend_options>) {
        auto& name = std::get<std::string>(value);
        if (!field.name.empty() && field.name != name)
          field.settings.clear();
        field.name = name;
      } else if constexpr (std::is_same_v<type, isolation>) {
        field = std::get<std::string>(value) == isolations.back()
                  ? isolation::process
                  : isolation::thread;
      } else {
        field = std::get<type>(value);
      }
    },
    row.field);
}

} // namespace

std::span<const option<pool_options>> pool_schema() {
  return pool_rows;
}

std::span<const option<node_settings>> node_schema() {
  return node_rows;
}

std::vector<std::string_view> pool_keys() {
  return keys_of(pool_rows);
}

std::vector<std::string_view> node_keys() {
  return keys_of(node_rows);
}

std::vector<std::string_view> pool_file_keys() {
  std::vector<std::string_view> result;
  for (auto key : pool_keys()) {
    auto [group, own] = group_and_key(key);
    auto shown = group.empty() ? own : group;
    if (result.empty() || result.back() != shown)
      result.push_back(shown);
  }
  return result;
}

std::vector<std::string_view> keys_in_group(std::string_view group) {
  std::vector<std::string_view> result;
  for (auto key : pool_keys())
    if (auto parts = group_and_key(key); !group.empty() && parts.first == group)
      result.push_back(parts.second);
  return result;
}

std::pair<std::string_view, std::string_view> group_and_key(
  std::string_view key) {
  auto dot = key.find('.');
  if (dot == std::string_view::npos)
    return {{}, key};
  return {key.substr(0, dot), key.substr(dot + 1)};
}

const option<pool_options>* find_pool_option(std::string_view key) {
  return find_in(pool_rows, key);
}

const option<node_settings>* find_node_option(std::string_view key) {
  return find_in(node_rows, key);
}

option_value parse_value(const option_info& info, std::string_view text) {
  auto word = trimmed(text);
  if (word.empty())
    throw_invalid("has no value: " + range_of(info));
  option_value result = std::string{word};
  if (info.kind == option_kind::count)
    result = parse_count(word);
  else if (info.kind == option_kind::size)
    result = parse_size(word);
  else if (info.kind == option_kind::time)
    result = parse_duration(word);
  else if (info.kind == option_kind::flag)
    result = parse_flag(word);
  else if (info.kind == option_kind::fraction)
    result = parse_fraction(word);
  else if (info.kind == option_kind::codes)
    result = parse_codes(word);
  if (auto mistake = mistake_in(info, result))
    throw_invalid(std::move(*mistake));
  return result;
}

std::string format_value(const option_info& info, const option_value& value) {
  if (auto time = std::get_if<duration>(&value))
    return format_duration(*time);
  if (auto number = std::get_if<std::size_t>(&value))
    return info.kind == option_kind::size ? format_size(*number)
                                          : std::to_string(*number);
  if (auto flag = std::get_if<bool>(&value))
    return *flag ? "true" : "false";
  if (auto part = std::get_if<double>(&value))
    return fmt::format("{}", *part);
  if (auto codes = std::get_if<std::vector<errc>>(&value))
    return format_codes(*codes);
  return std::get<std::string>(value);
}

std::optional<std::string> mistake_in(const option_info& info,
                                      const option_value& value) {
  if (auto text = std::get_if<std::string>(&value)) {
    if (info.kind == option_kind::isolation)
      return mistake_in_isolation(*text);
    return info.kind == option_kind::level ? mistake_in_level(*text)
                                           : mistake_in_name(info, *text);
  }
  if (auto codes = std::get_if<std::vector<errc>>(&value))
    return mistake_in_codes(*codes);
  if (std::holds_alternative<bool>(value))
    return std::nullopt;
  if (in_range(info, value))
    return std::nullopt;
  return in_quotes(format_value(info, value))
         + " is out of range: " + range_of(info);
}

std::string range_of(const option_info& info) {
  switch (info.kind) {
    case option_kind::flag:
      return "true or false";
    case option_kind::codes:
      return "any of " + joined(names_of_codes());
    case option_kind::isolation:
      return joined({isolations.begin(), isolations.end()});
    case option_kind::level:
      return joined({levels.begin(), levels.end()});
    case option_kind::backend_name:
      return "a letter, then letters, digits, _ and -, at most 63";
    case option_kind::node_name:
      return "letters, digits, _, - and ., at most 63";
    default:
      break;
  }
  auto low = format_number(info, info.low);
  if (info.high == unlimited)
    return "at least " + low;
  return low + " to " + format_number(info, info.high);
}

bool is_secret(std::string_view key) {
  std::string lower{key};
  for (auto& c : lower)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  for (auto word : {"token", "password", "secret", "key"})
    if (lower.ends_with(word))
      return true;
  return false;
}

std::string mistakes_in(const retry_options& options) {
  mistakes result;
  pool_options carrier;
  carrier.retry = options;
  for (auto& row : pool_rows)
    if (row.key.starts_with("retry."))
      if (auto mistake = mistake_in(row, get(row, carrier)))
        result.add(in_quotes(row.key), *mistake);
  return result.text();
}

option_value get(const option<pool_options>& row, const pool_options& from) {
  return get_field(row, from);
}

option_value get(const option<node_settings>& row, const node_settings& from) {
  return get_field(row, from);
}

void set(const option<pool_options>& row, pool_options& to,
         const option_value& value) {
  set_field(row, to, value);
}

void set(const option<node_settings>& row, node_settings& to,
         const option_value& value) {
  set_field(row, to, value);
}

} // namespace flame::detail
