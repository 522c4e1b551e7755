/// Trees of supervisors in the configuration, with what the program registers.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "config_text.hpp"
#include "flame/node.hpp"
#include "flame/supervisor.hpp"

namespace flame::detail {

/// Checks all trees: what they start, with which arguments, and on which pools.
/// @returns how many there are
std::size_t check_trees(const node_options& options, mistakes& wrong);

/// What a tree is started from.
/// @param pool_of gives the pool of a name; not called before all is checked
/// @throws call_error `invalid_configuration`, one line for each mistake
supervisor_options tree_options(
  const node_options& options, const std::string& name,
  const std::function<pool(const std::string&)>& pool_of);

} // namespace flame::detail
