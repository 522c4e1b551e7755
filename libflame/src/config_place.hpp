#pragma once

#include <string>

#include "flame/config.hpp"

namespace flame::detail {

/// Where a source has something.
struct place {
  origin from = origin::standard;

  /// For mistakes: `file:line:column`, a variable, or a flag. Empty for what no
  /// source has.
  std::string where;

  /// For comments in what is printed.
  std::string comment;

  /// What a relative path is relative to; empty: the working directory.
  std::string directory = {};

  /// The file that the value was read from, where a key `<key>_file` names one.
  std::string value_file = {};
};

} // namespace flame::detail
