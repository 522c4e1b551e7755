/// What all sections of a file are read with.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "config_place.hpp"
#include "config_text.hpp"
#include "config_yaml.hpp"

namespace flame::detail {

/// For people: "a list" and so on.
std::string_view name_of(yaml_tree::kind what);

/// Reads the parts of a file. Each step takes the value and where it is named.
class section_reader {
protected:
  section_reader(const std::string& path, mistakes& wrong)
    : path_(path),
      wrong_(wrong) {
    // nop
  }

  place place_of(const yaml_tree& tree) const;

  void fail(const yaml_tree& at, std::string_view text) {
    wrong_.add(position(path_, at.line, at.column), text);
  }

  /// Nothing at all is an empty map.
  bool expect_map(const yaml_tree& value, const std::string& what);

  /// Where a value is missing, its key is what can be pointed at.
  bool expect_scalar(const yaml_tree& key, const yaml_tree& value);

  template <class F>
  void for_each(const yaml_tree& map, F f) {
    std::map<std::string, int> seen;
    for (auto& [key, value] : map.entries) {
      if (key->what == yaml_tree::kind::broken)
        continue;
      if (key->what != yaml_tree::kind::scalar) {
        fail(*key, "a key must be a single word, not "
                     + std::string{name_of(key->what)});
        continue;
      }
      auto [first, fresh] = seen.emplace(key->text, key->line);
      if (fresh)
        f(*key, *value);
      else
        fail(*key, in_quotes(key->text) + " is there twice, first in line "
                     + std::to_string(first->second));
    }
  }

  const std::string& path_;
  mistakes& wrong_;
};

} // namespace flame::detail
