#include "config_settings.hpp"

#include <filesystem>
#include <set>

#include "text_file.hpp"

namespace flame::detail {

namespace {

void read_value(section& into, const option_info& info, std::string_view text,
                const place& at, mistakes& wrong) {
  try {
    into.insert_or_assign(std::string{info.key},
                          setting{parse_value(info, text), at});
  } catch (const call_error& error) {
    wrong.add(at.where, in_quotes(info.key) + ": " + error.what());
  }
}

constexpr std::size_t longest_value_file = std::size_t{64} << 10;

void read_backend_setting(section& into, std::string_view key, std::string text,
                          place at, mistakes& wrong) {
  auto full = std::string{backend_prefix}.append(key);
  auto found = into.find(full);
  if (found != into.end()
      && found->second.at.value_file.empty() != at.value_file.empty()) {
    auto file_key = std::string{key}.append(file_suffix);
    wrong.add(at.where, in_quotes(key) + " and " + in_quotes(file_key)
                          + " are both given, first at "
                          + found->second.at.where + ": keep one");
    return;
  }
  into.insert_or_assign(std::move(full),
                        setting{std::move(text), std::move(at)});
}

// What is printed is to be right wherever it is read again.
std::string absolute_path(const std::filesystem::path& path) {
  std::error_code failed;
  auto full = std::filesystem::absolute(path, failed);
  return (failed ? path : full).lexically_normal().string();
}

// The value of a setting from the file that is named for it. Mounted secrets
// mostly end in a line break that is none of the secret's.
void read_value_file(section& into, std::string_view file_key,
                     std::string_view path, place at, mistakes& wrong) {
  auto fail = [&](const std::string& text) {
    wrong.add(at.where, in_quotes(file_key) + ": " + text);
  };
  auto key = file_key.substr(0, file_key.size() - file_suffix.size());
  if (key == "name") {
    fail("the name of a backend cannot come from a file: write `name`");
    return;
  }
  if (path.empty()) {
    fail("has no value: give the path of a file");
    return;
  }
  at.value_file = absolute_path(std::filesystem::path{at.directory} / path);
  std::string reason;
  auto text = read_text_file(at.value_file, longest_value_file, reason);
  if (!text) {
    fail(one_line(at.value_file) + " cannot be read: " + reason);
    // Whoever gives the value beside it is told that, too.
    text.emplace();
  }
  if (text->ends_with('\n'))
    text->erase(text->size() - (text->ends_with("\r\n") ? 2 : 1));
  read_backend_setting(into, key, std::move(*text), std::move(at), wrong);
}

bool names_value_file(std::string_view key) {
  return key.size() > file_suffix.size() && key.ends_with(file_suffix);
}

template <class Options>
void start_with(merged<Options>& result, const Options& given,
                std::span<const option<Options>> schema) {
  const Options standard{};
  result.options = given;
  for (auto& row : schema)
    result.places[std::string{row.key}] =
      get(row, given) == get(row, standard)
        ? place{origin::standard, {}, "default"}
        : place{origin::code, {}, "code"};
}

template <class Options>
void overlay(merged<Options>& result, const section& over,
             std::span<const option<Options>> schema) {
  for (auto& row : schema)
    if (auto found = over.find(row.key); found != over.end()) {
      set(row, result.options, found->second.value);
      result.places.insert_or_assign(std::string{row.key}, found->second.at);
    }
}

// Another backend has dropped its predecessor's settings.
void drop_stale_places(merged<pool_options>& pool) {
  std::erase_if(pool.places, [&](auto& entry) {
    std::string_view key{entry.first};
    return key.starts_with(backend_prefix)
           && !pool.options.backend.settings.contains(
             entry.first.substr(backend_prefix.size()));
  });
}

void overlay_pool(merged<pool_options>& result, const section& over) {
  // The name of the backend goes first, for it may drop settings.
  overlay(result, over, pool_schema());
  drop_stale_places(result);
  for (auto& [key, value] : over)
    if (key.starts_with(backend_prefix)) {
      result.options.backend.settings.insert_or_assign(
        key.substr(backend_prefix.size()), std::get<std::string>(value.value));
      result.places.insert_or_assign(key, value.at);
    }
}

// A runner for one call has one slot: what nobody has set gives way.
void settle_single_use(merged<pool_options>& pool) {
  auto& slots = pool.places["max_concurrency"];
  if (pool.options.single_use && slots.from == origin::standard) {
    pool.options.max_concurrency = 1;
    slots.comment = "default with single_use";
  }
}

std::string where(std::string_view pool, const place& at) {
  return at.where.empty() ? "pool " + in_quotes(pool) : at.where;
}

// Of the two, the stronger source has the last word, and the mistake.
void check_min_and_max(std::string_view name, const merged<pool_options>& pool,
                       mistakes& wrong) {
  auto& [options, places] = pool;
  if (options.min <= options.max)
    return;
  auto& min = places.find("min")->second;
  auto& max = places.find("max")->second;
  wrong.add(where(name, max.from > min.from ? max : min),
            "`min` (" + grouped(options.min) + ") is more than `max` ("
              + grouped(options.max) + ")");
}

void check_single_use(std::string_view name, const merged<pool_options>& pool,
                      mistakes& wrong) {
  auto& [options, places] = pool;
  if (!options.single_use || options.max_concurrency == 1)
    return;
  auto& single_use = places.find("single_use")->second;
  auto& slots = places.find("max_concurrency")->second;
  wrong.add(where(name, slots.from > single_use.from ? slots : single_use),
            "`single_use` runners have one slot, and `max_concurrency` is "
              + grouped(options.max_concurrency) + ": leave it out");
}

void check_heartbeat(std::string_view name, const merged<pool_options>& pool,
                     mistakes& wrong) {
  auto& [options, places] = pool;
  auto& [every, tolerance] = options.heartbeat;
  if (every <= duration::zero() || tolerance > every)
    return;
  auto& interval = places.find("heartbeat.interval")->second;
  auto& silence = places.find("heartbeat.tolerance")->second;
  wrong.add(where(name, interval.from > silence.from ? interval : silence),
            "`heartbeat.tolerance` (" + format_duration(tolerance)
              + ") must be more than `heartbeat.interval` ("
              + format_duration(every) + ")");
}

} // namespace

std::string environment_name(std::string_view pool) {
  std::string result;
  for (char c : pool) {
    if (c >= 'a' && c <= 'z')
      result += static_cast<char>(c - 'a' + 'A');
    else
      result += (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ? c : '_';
  }
  return result;
}

void claim_name(name_claims& claims, std::string_view name, const place& at,
                mistakes& wrong) {
  auto upper = environment_name(name);
  auto [claim, fresh] = claims.try_emplace(upper, std::string{name}, at.where);
  if (!fresh && claim->second.first != name)
    wrong.add(at.where, "pools " + in_quotes(claim->second.first) + " ("
                          + claim->second.second + ") and " + in_quotes(name)
                          + " would both be FLAME_POOLS_" + upper
                          + "_<KEY> in the environment: rename one");
}

std::vector<std::string> names_of_pools(const configuration_state& state) {
  std::set<std::string> names;
  std::set<std::string> taken;
  for (auto source : {&state.file, &state.flags})
    for (auto& entry : source->pools) {
      names.insert(entry.first);
      taken.insert(environment_name(entry.first));
    }
  for (auto& entry : state.environment.pools) {
    if (taken.contains(entry.first))
      continue;
    auto name = entry.first;
    for (auto& c : name)
      if (c >= 'A' && c <= 'Z')
        c = static_cast<char>(c - 'A' + 'a');
    names.insert(std::move(name));
  }
  return {names.begin(), names.end()};
}

std::set<std::string> names_with(
  const configuration_state& state,
  const std::map<std::string, pool_options>& code_pools) {
  std::set<std::string> names;
  std::set<std::string> taken;
  for (auto& entry : code_pools) {
    names.insert(entry.first);
    taken.insert(environment_name(entry.first));
  }
  for (auto& name : names_of_pools(state))
    if (state.file.pools.contains(name) || state.flags.pools.contains(name)
        || !taken.contains(environment_name(name)))
      names.insert(name);
  return names;
}

merged<pool_options> merge_pool(const configuration_state& state,
                                std::string_view name,
                                const pool_options& defaults) {
  merged<pool_options> result;
  start_with(result, defaults, pool_schema());
  for (auto& entry : defaults.backend.settings)
    result.places[std::string{backend_prefix} + entry.first] = {
      origin::code, {}, "code"};
  auto apply = [&](const layer& source, std::string_view key) {
    if (auto found = source.pools.find(key); found != source.pools.end())
      overlay_pool(result, found->second);
  };
  apply(state.file, name);
  apply(state.environment, environment_name(name));
  apply(state.flags, name);
  settle_single_use(result);
  return result;
}

merged<node_settings> merge_node(const configuration_state& state) {
  merged<node_settings> result;
  start_with(result, node_settings{}, node_schema());
  for (auto source : {&state.file, &state.environment, &state.flags})
    overlay(result, source->node, node_schema());
  return result;
}

void check_pool_name(const std::string& name, mistakes& wrong) {
  if (!is_name(name))
    wrong.add("pool " + in_quotes(name),
              "not a name of a pool: " + std::string{pool_name_rule});
}

void check_pool(std::string_view name, const merged<pool_options>& pool,
                mistakes& wrong) {
  for (auto& row : pool_schema())
    if (auto mistake = mistake_in(row, get(row, pool.options)))
      wrong.add(where(name, pool.places.find(row.key)->second),
                in_quotes(row.key) + ": " + *mistake);
  // Those of the sources have been checked when they were read.
  for (auto& entry : pool.options.backend.settings)
    if (!is_setting_key(entry.first) || entry.first == "name")
      wrong.add("pool " + in_quotes(name),
                in_quotes(entry.first)
                  + " cannot be a key of a backend: letters, "
                    "digits, _, -, . and /, at most 255");
  check_min_and_max(name, pool, wrong);
  check_single_use(name, pool, wrong);
  check_heartbeat(name, pool, wrong);
}

void check_sources(const configuration_state& state, mistakes& wrong) {
  for (auto& name : names_of_pools(state)) {
    auto pool = merge_pool(state, name, {});
    if (pool.places["min"].from > origin::code
        && pool.places["max"].from > origin::code)
      check_min_and_max(name, pool, wrong);
    if (pool.places["single_use"].from > origin::code
        && pool.places["max_concurrency"].from > origin::code)
      check_single_use(name, pool, wrong);
    if (pool.places["heartbeat.interval"].from > origin::code
        && pool.places["heartbeat.tolerance"].from > origin::code)
      check_heartbeat(name, pool, wrong);
  }
}

void read_pool_setting(section& into, std::string_view key,
                       std::string_view text, const place& at,
                       mistakes& wrong) {
  if (key == "backend.name")
    key = "backend";
  if (auto row = find_pool_option(key)) {
    read_value(into, *row, text, at, wrong);
    return;
  }
  if (!key.starts_with(backend_prefix)) {
    wrong.add(at.where, "unknown key " + in_quotes(key) + ": "
                          + suggestion(key, pool_keys()));
    return;
  }
  auto inner = key.substr(backend_prefix.size());
  if (is_setting_key(inner) && names_value_file(inner))
    read_value_file(into, inner, text, at, wrong);
  else if (is_setting_key(inner))
    read_backend_setting(into, inner, std::string{text}, at, wrong);
  else
    wrong.add(at.where, in_quotes(inner)
                          + " cannot be a key of a backend: "
                            "letters, digits, _, -, . and /, at most 255");
}

void read_node_setting(section& into, std::string_view key,
                       std::string_view text, const place& at,
                       mistakes& wrong) {
  if (auto row = find_node_option(key))
    read_value(into, *row, text, at, wrong);
  else
    wrong.add(at.where, "unknown key " + in_quotes(key) + ": "
                          + suggestion(key, node_keys()));
}

} // namespace flame::detail
