/// Checks that need to know which backends there are.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "config_supervisors.hpp"
#include "config_text.hpp"
#include "flame/backend.hpp"
#include "flame/config.hpp"

namespace flame::detail {

/// What the sources of a configuration say, and everything that is wrong with
/// it: what is right is in force all the same.
struct loose_configuration {
  configuration settings;
  mistakes wrong;

  /// The file that was read, if there is one.
  std::string file;
};

/// Reaches into configurations.
struct configuration_access {
  /// Reads all sources as `configuration::load` does, which throws.
  static loose_configuration load(const configuration_source& source);

  /// Checks a pool's settings for its backend, by the backend.
  /// @param make makes the backend, or throws `invalid_configuration`, which is
  ///        a mistake where its name stands
  /// @returns what was made; null with a mistake
  static std::shared_ptr<backend> check_backend(
    const configuration& config, const std::string& pool,
    const pool_options& defaults,
    const std::function<std::shared_ptr<backend>()>& make, mistakes& wrong);

  /// Checks everything about the pools of the program and of the sources.
  /// @returns how many there are
  static std::size_t check_pools(
    const configuration& config,
    const std::map<std::string, pool_options>& code_pools,
    const backend_registry& backends, mistakes& wrong);

  /// The pools that a source or the program has.
  static std::set<std::string> pools(
    const configuration& config,
    const std::map<std::string, pool_options>& code_pools);

  static const supervisor_trees& supervisors(const configuration& config);
};

} // namespace flame::detail
