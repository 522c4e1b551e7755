/// Trees of supervisors as the configuration file has them. What they start is
/// not known here.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config_place.hpp"
#include "config_text.hpp"
#include "flame/detail/child_arguments.hpp"
#include "flame/supervisor.hpp"

namespace flame::detail {

struct supervisor_settings;
struct yaml_tree;

/// By key, for what the file has.
using places_by_key = std::map<std::string, place, std::less<>>;

struct child_settings {
  std::string id;

  /// The name that it is registered by.
  std::string start;

  /// Empty: in this process.
  std::string pool;

  std::vector<argument> args;

  /// One, if the child is a supervisor.
  std::vector<supervisor_settings> nested;

  std::optional<duration> timeout;
  flame::restart restart = flame::restart::permanent;
  std::optional<duration> shutdown;
  bool significant = false;
  std::optional<child_type> type;

  place at;
  places_by_key places;
};

struct supervisor_settings {
  /// Without its children.
  supervisor_options options;

  std::vector<child_settings> children;

  place at;
  places_by_key places;
};

using supervisor_trees =
  std::map<std::string, supervisor_settings, std::less<>>;

/// An option with a single value.
template <class Options>
struct tree_option {
  std::string_view key;

  /// Least and greatest value of counts and times.
  std::uint64_t low;
  std::uint64_t high;

  std::string_view text;

  std::variant<std::size_t Options::*, duration Options::*,
               std::optional<duration> Options::*, double Options::*,
               bool Options::*, std::string Options::*,
               flame::strategy Options::*, flame::auto_shutdown Options::*,
               flame::restart Options::*, std::optional<child_type> Options::*>
    field;
};

// A new option is one row: reading, printing and the schema follow from it.
std::span<const tree_option<supervisor_options>> supervisor_schema();
std::span<const tree_option<child_settings>> child_schema();

/// How the values of an enumeration are written, in its order.
template <class Enum>
std::span<const std::string_view> words_of();

template <>
std::span<const std::string_view> words_of<strategy>();
template <>
std::span<const std::string_view> words_of<auto_shutdown>();
template <>
std::span<const std::string_view> words_of<restart>();
template <>
std::span<const std::string_view> words_of<child_type>();

/// The word for `brutal_kill`, which only `shutdown` can be.
inline constexpr std::string_view brutal_word = "brutal_kill";

/// The value as it is read; nothing, if it is not set.
std::optional<std::string> text_of(const tree_option<supervisor_options>& row,
                                   const supervisor_options& from);
std::optional<std::string> text_of(const tree_option<child_settings>& row,
                                   const child_settings& from);

/// Reads what stands under `supervisors`.
void read_supervisors(const yaml_tree& all, const std::string& path,
                      supervisor_trees& into, mistakes& wrong);

} // namespace flame::detail
