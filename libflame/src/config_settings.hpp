/// What the sources of a configuration say, and how they lie over each other.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config_place.hpp"
#include "config_schema.hpp"
#include "config_supervisors.hpp"
#include "config_text.hpp"
#include "flame/config.hpp"

namespace flame::detail {

struct setting {
  option_value value;
  place at;
};

/// By key; settings of a backend by `backend.<key>`.
using section = std::map<std::string, setting, std::less<>>;

/// All that one source says. The environment cannot tell `-` from `_`, nor
/// upper from lower case: its pools go by `environment_name`.
struct layer {
  section node;
  std::map<std::string, section, std::less<>> pools;

  /// Of the file alone.
  supervisor_trees supervisors;
};

struct configuration_state {
  layer file;
  layer environment;
  layer flags;

  /// Value of `FLAME_BACKEND`, if there is one.
  std::optional<std::string> default_backend;

  node_settings node;
};

/// Options with all sources applied, and where each came from.
template <class Options>
struct merged {
  Options options;
  std::map<std::string, place, std::less<>> places;
};

using variables = std::map<std::string, std::string>;

/// Names of pools and where they stand, by `environment_name`.
using name_claims = std::map<std::string, std::pair<std::string, std::string>>;

inline constexpr std::string_view backend_prefix = "backend.";

/// What the key of a backend's setting ends in whose value is in a file.
inline constexpr std::string_view file_suffix = "_file";

inline constexpr std::string_view pool_name_rule =
  "a letter, then letters, digits, _ and -, at most 63";

/// The pool's name as it stands in variables.
std::string environment_name(std::string_view pool);

/// Tells it as a mistake when another pool would have the same variables.
void claim_name(name_claims& claims, std::string_view name, const place& at,
                mistakes& wrong);

/// The names of all pools that a source has, sorted.
std::vector<std::string> names_of_pools(const configuration_state& state);

/// The names of all pools that a source or the program has. What only the
/// environment has may be a pool of the program, whose name the environment
/// cannot spell.
std::set<std::string> names_with(
  const configuration_state& state,
  const std::map<std::string, pool_options>& code_pools);

/// What the sources make of a pool, without any check.
merged<pool_options> merge_pool(const configuration_state& state,
                                std::string_view name,
                                const pool_options& defaults);

merged<node_settings> merge_node(const configuration_state& state);

void check_pool_name(const std::string& name, mistakes& wrong);

/// Checks all options of a pool but its name.
void check_pool(std::string_view name, const merged<pool_options>& pool,
                mistakes& wrong);

/// Checks what is wrong whatever the program's own options are.
void check_sources(const configuration_state& state, mistakes& wrong);

/// Reads one setting of a pool, whose key may be `backend.<key>`.
void read_pool_setting(section& into, std::string_view key,
                       std::string_view text, const place& at, mistakes& wrong);

void read_node_setting(section& into, std::string_view key,
                       std::string_view text, const place& at, mistakes& wrong);

/// Reads a file. What `${...}` names is taken from `environment`.
/// @param named_by the flag or variable that gave the path
void read_file(const std::string& path, std::string_view named_by,
               const variables& environment, layer& into, name_claims& claims,
               mistakes& wrong);

/// Reads `FLAME_NODE_...` and `FLAME_POOLS_...`. A variable that fits two pools
/// goes to the one of `known`, which are names of pools.
void read_environment(const variables& environment,
                      const std::vector<std::string>& known, layer& into,
                      mistakes& wrong);

void read_flags(const std::vector<std::pair<std::string, std::string>>& flags,
                layer& into, name_claims& claims, mistakes& wrong);

} // namespace flame::detail
