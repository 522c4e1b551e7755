/// A YAML document as a tree in which everything knows its position.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config_settings.hpp"

namespace flame::detail {

struct yaml_tree;

/// Shared, for what an anchor names may stand in several places.
using yaml_ptr = std::shared_ptr<yaml_tree>;

struct yaml_tree {
  enum class kind : unsigned char {
    nothing,
    scalar,
    list,
    map,
    /// Its mistake has been told already.
    broken,
  };

  kind what = kind::nothing;

  /// From 1.
  int line = 1;
  int column = 1;

  /// Of a scalar, with all `${...}` replaced.
  std::string text;

  /// Of a map, in the order of the file; keys that are there twice too.
  std::vector<std::pair<yaml_ptr, yaml_ptr>> entries;

  /// Of a list.
  std::vector<yaml_ptr> items;
};

/// Reads the one document that `text` is; null, with a mistake, if it is none.
///
/// Keeps yaml-cpp to one file, and builds no graph from anchors: yaml-cpp's own
/// nodes may contain themselves.
/// @param path what to call the text in mistakes
yaml_ptr read_yaml(const std::string& text, const std::string& path,
                   const variables& environment, mistakes& wrong);

/// `path:line:column`
std::string position(const std::string& path, int line, int column);

/// Replaces `${NAME}`, `${NAME:-default}` and `$$`. Throws `call_error` for a
/// name that is not set, and for braces that do not close.
std::string interpolate(std::string_view text, const variables& environment);

} // namespace flame::detail
