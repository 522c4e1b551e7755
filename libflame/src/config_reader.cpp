#include "config_reader.hpp"

#include <filesystem>

namespace flame::detail {

using kind = yaml_tree::kind;

std::string_view name_of(kind what) {
  switch (what) {
    case kind::list:
      return "a list";
    case kind::map:
      return "a map";
    case kind::scalar:
      return "a single value";
    default:
      return "nothing";
  }
}

place section_reader::place_of(const yaml_tree& tree) const {
  return {origin::file, position(path_, tree.line, tree.column),
          "file " + one_line(path_) + ':' + std::to_string(tree.line),
          std::filesystem::path{path_}.parent_path().string()};
}

bool section_reader::expect_map(const yaml_tree& value,
                                const std::string& what) {
  if (value.what == kind::scalar || value.what == kind::list)
    fail(value, what + " must be a map of keys and values, not "
                  + std::string{name_of(value.what)});
  return value.what == kind::map;
}

bool section_reader::expect_scalar(const yaml_tree& key,
                                   const yaml_tree& value) {
  if (value.what == kind::nothing)
    fail(key, in_quotes(key.text) + " has no value");
  else if (value.what == kind::list || value.what == kind::map)
    fail(value, in_quotes(key.text) + " must be a single value, not "
                  + std::string{name_of(value.what)});
  return value.what == kind::scalar;
}

} // namespace flame::detail
