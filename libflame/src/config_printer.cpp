#include "config_printer.hpp"

#include <algorithm>
#include <utility>

namespace flame::detail {

namespace {

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

} // namespace

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

void printer::open(std::size_t depth, std::string_view key) {
  text_.append(indentation(depth)).append(scalar(key)).append(":\n");
}

void printer::line(std::size_t depth, std::string_view key,
                   std::string_view value, const place& at) {
  yaml(depth, key, scalar(value), at);
}

void printer::yaml(std::size_t depth, std::string_view key,
                   std::string_view value, const place& at) {
  auto line = indentation(depth) + scalar(key) + ": ";
  line += value;
  line.append(line.size() < comment_column ? comment_column - line.size() : 1,
              ' ');
  text_ += line + "# " + at.comment + '\n';
}

void printer::hidden(std::size_t depth, std::string_view key, const place& at) {
  text_.append(indentation(depth)).append("# ").append(key);
  text_.append(" is secret: ").append(at.comment) += '\n';
}

std::string printer::indentation(std::size_t depth) {
  std::string result(depth * 2, ' ');
  if (std::exchange(begins_item_, false))
    result.replace(result.size() - 2, 1, "-");
  return result;
}

// -- trees --------------------------------------------------------------------

namespace {

const place& where(const places_by_key& places, std::string_view key) {
  static const place standard{origin::standard, {}, "default"};
  auto found = places.find(key);
  return found == places.end() ? standard : found->second;
}

std::string in_flow(const argument& value) {
  std::string result;
  auto add_items = [&](bool with_keys) {
    for (auto& item : value.items) {
      if (result.size() > 1)
        result += ", ";
      if (with_keys)
        result += scalar(item.key) + ": ";
      result += in_flow(item);
    }
  };
  switch (value.what) {
    case argument::kind::nothing:
    case argument::kind::broken:
      return "null";
    case argument::kind::scalar:
      return scalar(value.text);
    case argument::kind::list:
      result = '[';
      add_items(false);
      return result + ']';
    case argument::kind::map:
      result = '{';
      add_items(true);
      return result + '}';
  }
  return result;
}

template <class Options>
void print_options(printer& out, std::size_t depth, const Options& options,
                   std::span<const tree_option<Options>> schema,
                   const places_by_key& places) {
  for (auto& row : schema)
    if (auto text = text_of(row, options))
      out.line(depth, row.key, *text, where(places, row.key));
}

void print_supervisor(printer& out, std::size_t depth,
                      const supervisor_settings& tree);

void print_child(printer& out, std::size_t depth, const child_settings& child) {
  auto settled = child;
  auto is_supervisor = !child.nested.empty();
  if (!settled.type)
    settled.type = is_supervisor ? child_type::supervisor : child_type::worker;
  if (!settled.shutdown)
    settled.shutdown = settled.type == child_type::supervisor
                         ? infinite
                         : duration{std::chrono::seconds{5}};
  out.begin_item();
  out.line(depth, "id", child.id, where(child.places, "id"));
  if (!is_supervisor)
    out.line(depth, "start", child.start, where(child.places, "start"));
  if (!child.args.empty()) {
    argument all{argument::kind::list, {}, child.args};
    out.yaml(depth, "args", in_flow(all), where(child.places, "args"));
  }
  if (!child.pool.empty())
    out.line(depth, "pool", child.pool, where(child.places, "pool"));
  print_options(out, depth, settled, child_schema(), child.places);
  if (is_supervisor) {
    out.open(depth, "supervisor");
    print_supervisor(out, depth + 1, child.nested.front());
  }
}

void print_supervisor(printer& out, std::size_t depth,
                      const supervisor_settings& tree) {
  auto settled = tree.options;
  if (!settled.backoff_reset)
    settled.backoff_reset = settled.max_backoff;
  print_options(out, depth, settled, supervisor_schema(), tree.places);
  if (tree.children.empty()) {
    out.yaml(depth, "children", "[]", where(tree.places, "children"));
    return;
  }
  out.open(depth, "children");
  for (auto& child : tree.children)
    print_child(out, depth + 2, child);
}

} // namespace

void print_supervisors(printer& out, const supervisor_trees& trees) {
  if (trees.empty())
    return;
  out.open(0, "supervisors");
  for (auto& [name, tree] : trees) {
    out.open(1, name);
    print_supervisor(out, 2, tree);
  }
}

} // namespace flame::detail
