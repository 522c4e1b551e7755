/// The options that configuration knows: one row for each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "flame/config.hpp"

namespace flame::detail {

enum class option_kind : unsigned char {
  count,
  size,
  time,
  flag,
  /// From 0 to 1.
  fraction,
  /// Of failures.
  codes,
  level,
  isolation,
  backend_name,
  node_name,
};

/// A value that has been read: for counts and sizes, times, flags, fractions,
/// codes, and all others.
using option_value = std::variant<std::size_t, duration, bool, double,
                                  std::vector<errc>, std::string>;

/// The greatest values: of counts, and of times that may be without end.
inline constexpr std::uint64_t unlimited =
  std::numeric_limits<std::size_t>::max();
inline constexpr auto forever = static_cast<std::uint64_t>(infinite.count());

/// What does not depend on where the option is kept.
struct option_info {
  /// One of a group is `<group>.<key>`; in a file, a group is a map.
  std::string_view key;
  option_kind kind;

  /// Least and greatest value, in bytes and nanoseconds for sizes and times.
  std::uint64_t low;
  std::uint64_t high;

  /// What is counted or measured.
  std::string_view unit;

  std::string_view text;
};

/// The members that keep options, of these or of a group in them.
template <class Options>
struct option_field;

template <>
struct option_field<node_settings> {
  using type =
    std::variant<std::size_t node_settings::*, std::string node_settings::*>;
};

template <>
struct option_field<pool_options> {
  using type = std::variant<
    std::size_t pool_options::*, duration pool_options::*, bool pool_options::*,
    std::string pool_options::*, backend_options pool_options::*,
    flame::isolation pool_options::*, std::size_t retry_options::*,
    duration retry_options::*, double retry_options::*,
    std::vector<errc> retry_options::*, duration heartbeat_options::*>;
};

/// With the member that keeps it, whose type follows from `kind`.
template <class Options>
struct option : option_info {
  typename option_field<Options>::type field;
};

std::span<const option<pool_options>> pool_schema();

std::span<const option<node_settings>> node_schema();

/// The keys of a schema, in its order.
std::vector<std::string_view> pool_keys();
std::vector<std::string_view> node_keys();

/// The keys of a map in a file: groups, and options that are in none.
std::vector<std::string_view> pool_file_keys();

/// The keys in a group of a pool's options; empty if it is none.
std::vector<std::string_view> keys_in_group(std::string_view group);

/// The group of an option, and its key in that; the group may be empty.
std::pair<std::string_view, std::string_view> group_and_key(
  std::string_view key);

/// The row of a key, or null.
const option<pool_options>* find_pool_option(std::string_view key);
const option<node_settings>* find_node_option(std::string_view key);

/// Reads a value and checks its range; throws `call_error` with a text that
/// leaves out key and place.
option_value parse_value(const option_info& info, std::string_view text);

/// The value as `parse_value` reads it.
std::string format_value(const option_info& info, const option_value& value);

/// What is wrong with a value, if anything is.
std::optional<std::string> mistake_in(const option_info& info,
                                      const option_value& value);

/// What values are right, e.g. "1 to 10,000".
std::string range_of(const option_info& info);

/// Whether a setting of a backend by this key must not be shown.
bool is_secret(std::string_view key);

option_value get(const option<pool_options>& row, const pool_options& from);
option_value get(const option<node_settings>& row, const node_settings& from);

/// The mistakes in options of calls, one in each line; empty if there is none.
std::string mistakes_in(const retry_options& options);

/// Sets what `value` holds; the name of another backend drops the settings of
/// the one before.
void set(const option<pool_options>& row, pool_options& to,
         const option_value& value);
void set(const option<node_settings>& row, node_settings& to,
         const option_value& value);

} // namespace flame::detail
