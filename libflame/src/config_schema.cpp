#include "config_schema.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <type_traits>
#include <utility>

#include "config_text.hpp"

namespace flame::detail {

namespace {

constexpr std::uint64_t unlimited = std::numeric_limits<std::size_t>::max();

constexpr auto forever = static_cast<std::uint64_t>(infinite.count());

constexpr std::array levels = {
  std::string_view{"trace"}, std::string_view{"debug"},
  std::string_view{"info"},  std::string_view{"warn"},
  std::string_view{"error"}, std::string_view{"off"}};

constexpr std::array isolations = {std::string_view{"thread"},
                                   std::string_view{"process"}};

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

bool in_range(const option_info& info, const option_value& value) {
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

template <class Options>
option_value get_field(const option<Options>& row, const Options& from) {
  return std::visit(
    [&](auto member) -> option_value {
      if constexpr (std::is_same_v<decltype(member),
                                   backend_options Options::*>)
        return (from.*member).name;
      else if constexpr (std::is_same_v<decltype(member), isolation Options::*>)
        return std::string{to_string(from.*member)};
      else
        return from.*member;
    },
    row.field);
}

template <class Options>
void set_field(const option<Options>& row, Options& to,
               const option_value& value) {
  std::visit(
    [&](auto member) {
      using type = std::decay_t<decltype(to.*member)>;
      if constexpr (std::is_same_v<type, backend_options>) {
        auto& name = std::get<std::string>(value);
        auto& backend = to.*member;
        if (!backend.name.empty() && backend.name != name)
          backend.settings.clear();
        backend.name = name;
      } else if constexpr (std::is_same_v<type, isolation>) {
        to.*member = std::get<std::string>(value) == isolations.back()
                       ? isolation::process
                       : isolation::thread;
      } else {
        to.*member = std::get<type>(value);
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

namespace flame {

const char* to_string(isolation value) noexcept {
  return value == isolation::process ? "process" : "thread";
}

} // namespace flame
