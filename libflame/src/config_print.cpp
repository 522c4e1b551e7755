#include "flame/config.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "config_settings.hpp"

namespace flame {

namespace {

using detail::place;

// Where comments begin, unless the line is longer.
constexpr std::size_t comment_column = 40;

bool is_plain(std::string_view text) {
  // What YAML takes for nothing at all.
  if (text.empty() || text == "~" || text == "null" || text == "Null"
      || text == "NULL")
    return false;
  auto is_harmless = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || c == '_' || c == '/' || c == '.';
  };
  return std::all_of(text.begin(), text.end(),
                     [&](char c) {
                       return is_harmless(c) || c == '-';
                     })
         && is_harmless(text.front());
}

// The text as a scalar that `load` reads back.
std::string scalar(std::string_view text) {
  if (is_plain(text))
    return std::string{text};
  constexpr std::string_view digits = "0123456789abcdef";
  std::string result = "\"";
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      result.append({'\\', c});
    else if (c == '$')
      result += "$$";
    else if (byte < 0x20 || byte == 0x7f)
      result.append({'\\', 'x', digits[byte >> 4], digits[byte & 15]});
    else
      result += c;
  }
  return result += '"';
}

class printer {
public:
  void open(std::size_t depth, std::string_view key) {
    text_.append(depth * 2, ' ').append(scalar(key)).append(":\n");
  }

  void line(std::size_t depth, std::string_view key, std::string_view value,
            const place& at) {
    raw_line(depth, key, scalar(value), at);
  }

  /// With a value that is YAML.
  void raw_line(std::size_t depth, std::string_view key, std::string_view value,
                const place& at) {
    auto line = std::string(depth * 2, ' ')
                  .append(scalar(key))
                  .append(": ")
                  .append(value);
    line.append(line.size() < comment_column ? comment_column - line.size() : 1,
                ' ');
    text_ += line + "# " + at.comment + '\n';
  }

  void hidden(std::size_t depth, std::string_view key, const place& at) {
    text_.append(depth * 2, ' ').append("# ").append(key);
    text_.append(" is secret: ").append(at.comment) += '\n';
  }

  void add(std::string_view text) {
    text_ += text;
  }

  std::string take() {
    return std::move(text_);
  }

private:
  std::string text_;
};

struct chosen_backend {
  std::string name;
  place at;
};

chosen_backend backend_of(const detail::merged<pool_options>& pool,
                          const std::optional<std::string>& standard) {
  if (!pool.options.backend.name.empty())
    return {pool.options.backend.name, pool.places.find("backend")->second};
  if (standard)
    return {*standard, {origin::environment, {}, "environment FLAME_BACKEND"}};
  return {"local", {origin::standard, {}, "default"}};
}

void print_backend(printer& out, const detail::merged<pool_options>& pool,
                   const std::optional<std::string>& standard) {
  auto [name, at] = backend_of(pool, standard);
  auto& settings = pool.options.backend.settings;
  if (settings.empty()) {
    out.line(2, "backend", name, at);
    return;
  }
  out.open(2, "backend");
  out.line(3, "name", name, at);
  for (auto& [key, value] : settings) {
    auto& from =
      pool.places.find(std::string{detail::backend_prefix} + key)->second;
    // The path says enough, and is read again as the same value.
    if (!from.value_file.empty())
      out.line(3, key + std::string{detail::file_suffix}, from.value_file,
               from);
    else if (detail::is_secret(key))
      out.hidden(3, key, from);
    else
      out.line(3, key, value, from);
  }
}

void print_pool(printer& out, std::string_view name,
                const detail::merged<pool_options>& pool,
                const std::optional<std::string>& standard_backend) {
  out.open(1, name);
  std::string_view opened;
  for (auto& row : detail::pool_schema()) {
    auto [group, key] = detail::group_and_key(row.key);
    if (group != std::exchange(opened, group) && !group.empty())
      out.open(2, group);
    auto value = detail::format_value(row, detail::get(row, pool.options));
    auto& at = pool.places.find(row.key)->second;
    auto depth = group.empty() ? 2 : 3;
    if (row.kind == detail::option_kind::backend_name)
      print_backend(out, pool, standard_backend);
    else if (row.kind == detail::option_kind::codes)
      out.raw_line(depth, key, value, at);
    else
      out.line(depth, key, value, at);
  }
}

void print_node(printer& out, const detail::merged<node_settings>& node) {
  out.open(0, "node");
  for (auto& row : detail::node_schema())
    out.line(1, row.key,
             detail::format_value(row, detail::get(row, node.options)),
             node.places.find(row.key)->second);
}

} // namespace

std::string configuration::print() const {
  return print({});
}

std::string configuration::print(
  const std::map<std::string, pool_options>& code_pools) const {
  auto names = detail::names_with(*state_, code_pools);
  printer out;
  print_node(out, detail::merge_node(*state_));
  out.add(names.empty() ? "pools: {}\n" : "pools:\n");
  for (auto& name : names) {
    auto given = code_pools.find(name);
    auto pool = detail::merge_pool(*state_, name,
                                   given != code_pools.end() ? given->second
                                                             : pool_options{});
    print_pool(out, name, pool, state_->default_backend);
  }
  return out.take();
}

} // namespace flame
