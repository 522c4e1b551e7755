#include "config_reader.hpp"
#include "config_settings.hpp"
#include "text_file.hpp"

namespace flame::detail {

namespace {

constexpr std::size_t longest_file = std::size_t{1} << 20;

using kind = yaml_tree::kind;

// Turns a tree into settings.
class file_reader : section_reader {
public:
  file_reader(const std::string& path, layer& into, name_claims& claims,
              mistakes& wrong)
    : section_reader(path, wrong),
      into_(into),
      claims_(claims) {
    // nop
  }

  void read(const yaml_tree& root) {
    if (!expect_map(root, "the file"))
      return;
    for_each(root, [this](const yaml_tree& key, const yaml_tree& value) {
      if (key.text == "node")
        read_node(value);
      else if (key.text == "pools")
        read_pools(value);
      else if (key.text == "supervisors")
        read_supervisors(value, path_, into_.supervisors, wrong_);
      else
        fail(key, "unknown key " + in_quotes(key.text) + ": "
                    + suggestion(key.text, {"node", "pools", "supervisors"}));
    });
  }

private:
  void read_node(const yaml_tree& node) {
    if (!expect_map(node, "`node`"))
      return;
    for_each(node, [this](const yaml_tree& key, const yaml_tree& value) {
      if (!find_node_option(key.text))
        read_node_setting(into_.node, key.text, "", place_of(key), wrong_);
      else if (expect_scalar(key, value))
        read_node_setting(into_.node, key.text, value.text, place_of(value),
                          wrong_);
    });
  }

  void read_pools(const yaml_tree& pools) {
    if (!expect_map(pools, "`pools`"))
      return;
    for_each(pools, [this](const yaml_tree& key, const yaml_tree& value) {
      if (!is_name(key.text)) {
        fail(key, in_quotes(key.text) + " is not a name of a pool: "
                    + std::string{pool_name_rule});
        return;
      }
      claim_name(claims_, key.text, place_of(key), wrong_);
      read_pool(key, value, into_.pools[key.text]);
    });
  }

  void read_pool(const yaml_tree& named, const yaml_tree& pool, section& into) {
    if (!expect_map(pool, "pool " + in_quotes(named.text)))
      return;
    for_each(pool, [&](const yaml_tree& key, const yaml_tree& value) {
      // Dots are for flags: in a file, groups and a backend's settings are maps.
      auto is_group = !keys_in_group(key.text).empty();
      if (is_group)
        read_group(key, value, into);
      else if (!find_pool_option(key.text)
               || key.text.find('.') != std::string::npos)
        fail(key, "unknown key " + in_quotes(key.text) + ": "
                    + suggestion(key.text, pool_file_keys()));
      else if (key.text == "backend" && value.what == kind::map)
        read_backend(value, into);
      else if (expect_scalar(key, value))
        read_pool_setting(into, key.text, value.text, place_of(value), wrong_);
    });
  }

  void read_group(const yaml_tree& group, const yaml_tree& options,
                  section& into) {
    if (!expect_map(options, in_quotes(group.text)))
      return;
    for_each(options, [&](const yaml_tree& key, const yaml_tree& value) {
      auto full = group.text + '.' + key.text;
      auto* row = find_pool_option(full);
      if (!row)
        fail(key, "unknown key " + in_quotes(key.text) + " in "
                    + in_quotes(group.text) + ": "
                    + suggestion(key.text, keys_in_group(group.text)));
      else if (row->kind == option_kind::codes && value.what == kind::list)
        read_list(full, value, into);
      else if (expect_scalar(key, value))
        read_pool_setting(into, full, value.text, place_of(value), wrong_);
    });
  }

  // As the text that flags and variables have for it.
  void read_list(const std::string& key, const yaml_tree& list, section& into) {
    std::string text = "[";
    for (auto& each : list.items) {
      if (each->what == kind::broken)
        return;
      if (each->what != kind::scalar) {
        fail(*each, in_quotes(key) + " must be a list of single values");
        return;
      }
      text += (text.size() > 1 ? ", " : "") + each->text;
    }
    read_pool_setting(into, key, text + ']', place_of(list), wrong_);
  }

  void read_backend(const yaml_tree& backend, section& into) {
    for_each(backend, [&](const yaml_tree& key, const yaml_tree& value) {
      if (!is_setting_key(key.text))
        read_pool_setting(into, "backend." + key.text, "", place_of(key),
                          wrong_);
      // What is wrong with a setting of a backend is mostly its key.
      else if (expect_scalar(key, value))
        read_pool_setting(into, "backend." + key.text, value.text,
                          place_of(key.text == "name" ? value : key), wrong_);
    });
  }

  layer& into_;
  name_claims& claims_;
};

} // namespace

void read_file(const std::string& path, std::string_view named_by,
               const variables& environment, layer& into, name_claims& claims,
               mistakes& wrong) {
  std::string reason;
  auto text = read_text_file(path, longest_file, reason);
  if (!text) {
    wrong.add(one_line(path), "cannot be read: " + reason + " (named by "
                                + std::string{named_by} + ")");
    return;
  }
  if (auto root = read_yaml(*text, path, environment, wrong))
    file_reader{path, into, claims, wrong}.read(*root);
}

} // namespace flame::detail
