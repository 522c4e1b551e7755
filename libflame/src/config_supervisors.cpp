#include "config_supervisors.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "config_reader.hpp"
#include "config_schema.hpp"
#include "timing.hpp"

namespace flame::detail {

namespace {

constexpr auto longest_backoff = static_cast<std::uint64_t>(century.count());

using supervisor_row = tree_option<supervisor_options>;
using child_row = tree_option<child_settings>;

constexpr std::array supervisor_rows = {
  supervisor_row{"strategy", 0, 0,
                 "Which children are restarted when one has to be.",
                 &supervisor_options::strategy},
  supervisor_row{"intensity", 0, unlimited,
                 "Most restarts within `period`; with one more, the supervisor "
                 "stops all children and ends.",
                 &supervisor_options::intensity},
  supervisor_row{"period", 1, forever, "See `intensity`.",
                 &supervisor_options::period},
  supervisor_row{"auto_shutdown", 0, 0,
                 "Whether the supervisor ends when significant children have "
                 "ended by themselves.",
                 &supervisor_options::auto_shutdown},
  supervisor_row{"max_children", 1, unlimited,
                 "Most children of a dynamic supervisor at a time.",
                 &supervisor_options::max_children},
  supervisor_row{
    "min_backoff", 0, longest_backoff,
    "Time between the end of a child and its restart, doubled with "
    "each restart that follows; 0s: at once.",
    &supervisor_options::min_backoff},
  supervisor_row{"max_backoff", 0, longest_backoff,
                 "What the back-off is doubled up to.",
                 &supervisor_options::max_backoff},
  supervisor_row{"backoff_reset", 0, forever,
                 "A child that has run for this long starts again with "
                 "`min_backoff`; default: `max_backoff`.",
                 &supervisor_options::backoff_reset},
  supervisor_row{"jitter", 0, 1,
                 "Each back-off is longer by a random part of it, up to this "
                 "one.",
                 &supervisor_options::jitter},
  supervisor_row{"log", 0, 0, "Lowest level of what the supervisor logs.",
                 &supervisor_options::log},
};

constexpr std::array child_rows = {
  child_row{"timeout", 1, forever,
            "Time for placing it on a runner of `pool`; default: that of the "
            "pool.",
            &child_settings::timeout},
  child_row{"restart", 0, 0, "Which end of it is followed by a restart.",
            &child_settings::restart},
  child_row{"shutdown", 0, forever,
            "Time that it has to end when it is told to, before it is killed; "
            "default: 5s, for supervisors infinite.",
            &child_settings::shutdown},
  child_row{"significant", 0, 0, "See `auto_shutdown`.",
            &child_settings::significant},
  child_row{"type", 0, 0, "What it counts as; default: what it is here.",
            &child_settings::type},
};

constexpr std::array strategy_words = {
  std::string_view{"one_for_one"}, std::string_view{"one_for_all"},
  std::string_view{"rest_for_one"}, std::string_view{"dynamic"}};

constexpr std::array auto_shutdown_words = {
  std::string_view{"never"}, std::string_view{"any_significant"},
  std::string_view{"all_significant"}};

constexpr std::array restart_words = {std::string_view{"permanent"},
                                      std::string_view{"transient"},
                                      std::string_view{"temporary"}};

constexpr std::array child_type_words = {std::string_view{"worker"},
                                         std::string_view{"supervisor"}};

// -- values -------------------------------------------------------------------

template <class Row>
option_value parse_as(option_kind kind, const Row& row, std::string_view text) {
  return parse_value(option_info{row.key, kind, row.low, row.high, {}, {}},
                     text);
}

// One for each type of a field.

template <class Row>
void parse(const Row& row, std::string_view text, std::size_t& to) {
  to = std::get<std::size_t>(parse_as(option_kind::count, row, text));
}

template <class Row>
void parse(const Row& row, std::string_view text, duration& to) {
  to = std::get<duration>(parse_as(option_kind::time, row, text));
}

template <class Row>
void parse(const Row& row, std::string_view text, std::optional<duration>& to) {
  auto word = trimmed(text);
  auto may_kill = row.key == "shutdown";
  if (may_kill && word == brutal_word) {
    to = brutal_kill;
    return;
  }
  if (may_kill && is_name(word) && word != "infinite")
    throw_invalid(in_quotes(text)
                  + " is no time span: write e.g. 30s, `infinite` or "
                    "`brutal_kill`");
  duration value{};
  parse(row, text, value);
  to = value;
}

template <class Row>
void parse(const Row& row, std::string_view text, bool& to) {
  to = std::get<bool>(parse_as(option_kind::flag, row, text));
}

template <class Row>
void parse(const Row& row, std::string_view text, std::string& to) {
  to = std::get<std::string>(parse_as(option_kind::level, row, text));
}

template <class Row>
void parse(const Row&, std::string_view text, double& to) {
  auto digits = trimmed(text);
  double value = -1;
  auto end = digits.data() + digits.size();
  auto [stopped, error] =
    std::from_chars(digits.data(), end, value, std::chars_format::fixed);
  if (error != std::errc{} || stopped != end || !(value >= 0 && value <= 1))
    throw_invalid(in_quotes(text) + " is not a number from 0 to 1");
  to = value;
}

template <class Enum>
Enum parse_word(std::string_view text) {
  auto words = words_of<Enum>();
  auto word = trimmed(text);
  auto found = std::find(words.begin(), words.end(), word);
  if (found == words.end())
    throw_invalid(in_quotes(text) + " is not one of its values: "
                  + suggestion(word, {words.begin(), words.end()}));
  return static_cast<Enum>(found - words.begin());
}

template <class Row, class Enum>
  requires std::is_enum_v<Enum>
void parse(const Row&, std::string_view text, Enum& to) {
  to = parse_word<Enum>(text);
}

template <class Row>
void parse(const Row&, std::string_view text, std::optional<child_type>& to) {
  to = parse_word<child_type>(text);
}

std::string format(std::size_t value) {
  return std::to_string(value);
}

std::string format(duration value) {
  return value == brutal_kill ? std::string{brutal_word}
                              : format_duration(value);
}

std::string format(bool value) {
  return value ? "true" : "false";
}

std::string format(const std::string& value) {
  return value;
}

std::string format(double value) {
  // As many digits as make it the same again, and no exponent, which is not
  // read.
  std::array<char, 512> digits{};
  auto [end, error] =
    std::to_chars(digits.data(), digits.data() + digits.size(), value,
                  std::chars_format::fixed);
  return {digits.data(), end};
}

template <class Enum>
  requires std::is_enum_v<Enum> std::string format(Enum value) {
    return std::string{words_of<Enum>()[static_cast<std::size_t>(value)]};
  }

template <class Options>
std::optional<std::string> format_field(const tree_option<Options>& row,
                                        const Options& from) {
  return std::visit(
    [&](auto member) -> std::optional<std::string> {
      auto& value = from.*member;
      if constexpr (requires { value.has_value(); })
        return value ? std::optional{format(*value)} : std::nullopt;
      else
        return format(value);
    },
    row.field);
}

// -- reading ------------------------------------------------------------------

// Aliases make few lines into many, and deep, trees.
constexpr std::size_t most_children = 10'000;
constexpr std::size_t most_values = 100'000;
constexpr std::size_t deepest = 32;

using kind = yaml_tree::kind;

class tree_reader : section_reader {
public:
  tree_reader(const std::string& path, mistakes& wrong)
    : section_reader(path, wrong) {
    // nop
  }

  void read(const yaml_tree& all, supervisor_trees& into) {
    if (!expect_map(all, "`supervisors`"))
      return;
    for_each(all, [&](const yaml_tree& key, const yaml_tree& value) {
      if (!is_name(key.text)) {
        fail(key, in_quotes(key.text)
                    + " is not a name of a supervisor: a "
                      "letter, then letters, digits, _ and -, at most 63");
        return;
      }
      auto& tree = into[key.text];
      tree.options.name = key.text;
      read_supervisor(key, value, tree);
    });
  }

private:
  template <class Options>
  static const tree_option<Options>* find(
    std::span<const tree_option<Options>> rows, std::string_view key) {
    auto found = std::find_if(rows.begin(), rows.end(), [&](auto& row) {
      return row.key == key;
    });
    return found == rows.end() ? nullptr : &*found;
  }

  template <class Options>
  void unknown(const yaml_tree& key, std::vector<std::string_view> known,
               std::span<const tree_option<Options>> rows) {
    for (auto& row : rows)
      known.push_back(row.key);
    fail(key, "unknown key " + in_quotes(key.text) + ": "
                + suggestion(key.text, known));
  }

  template <class Options>
  void read_option(const tree_option<Options>& row, const yaml_tree& key,
                   const yaml_tree& value, Options& into,
                   places_by_key& places) {
    if (!expect_scalar(key, value))
      return;
    try {
      std::visit(
        [&](auto member) {
          parse(row, value.text, into.*member);
        },
        row.field);
      places[key.text] = place_of(value);
    } catch (const call_error& error) {
      fail(value, in_quotes(key.text) + ": " + error.what());
    }
  }

  void read_supervisor(const yaml_tree& named, const yaml_tree& supervisor,
                       supervisor_settings& into) {
    into.at = place_of(named);
    if (!expect_map(supervisor, "supervisor " + in_quotes(into.options.name)))
      return;
    for_each(supervisor, [&](const yaml_tree& key, const yaml_tree& value) {
      if (auto row = find(supervisor_schema(), key.text))
        read_option(*row, key, value, into.options, into.places);
      else if (key.text == "children")
        read_children(key, value, into);
      else
        unknown(key, {"children"}, supervisor_schema());
    });
  }

  void read_children(const yaml_tree& key, const yaml_tree& children,
                     supervisor_settings& into) {
    into.places["children"] = place_of(key);
    if (children.what == kind::scalar || children.what == kind::map)
      fail(children, "`children` must be a list of maps, not "
                       + std::string{name_of(children.what)});
    for (auto& each : children.items) {
      if (each->what != kind::broken && each->what != kind::map) {
        fail(*each, "a child must be a map of keys and values, not "
                      + std::string{name_of(each->what)});
        continue;
      }
      if (each->what == kind::broken || !is_within_limits(*each))
        continue;
      read_child(*each, into.options.name, into.children.emplace_back());
    }
  }

  bool is_within_limits(const yaml_tree& child) {
    if (depth_ >= deepest) {
      fail(child,
           fmt::format("supervisors are nested more than {} deep", deepest));
      return false;
    }
    if (++children_ == most_children + 1)
      fail(child, fmt::format("the file has more than {} children",
                              grouped(most_children)));
    return children_ <= most_children;
  }

  void read_child(const yaml_tree& child, const std::string& supervisor,
                  child_settings& into) {
    into.at = place_of(child);
    const yaml_tree* nested = nullptr;
    const yaml_tree* nested_key = nullptr;
    for_each(child, [&](const yaml_tree& key, const yaml_tree& value) {
      if (auto row = find(child_schema(), key.text)) {
        read_option(*row, key, value, into, into.places);
      } else if (key.text == "id") {
        read_text(key, value, into.id, into);
      } else if (key.text == "start") {
        read_text(key, value, into.start, into);
      } else if (key.text == "pool") {
        read_pool(key, value, into);
      } else if (key.text == "args") {
        read_args(key, value, into);
      } else if (key.text == "supervisor") {
        nested_key = &key;
        nested = &value;
        into.places["supervisor"] = place_of(key);
      } else {
        unknown(key, {"id", "start", "args", "pool", "supervisor"},
                child_schema());
      }
    });
    if (!mentions(child, "id"))
      fail(child, "the child has no `id`");
    if (nested)
      // After `id`, by which it is called, wherever that stands.
      read_nested(*nested_key, *nested, supervisor, into);
    else
      check_worker(into, mentions(child, "pool"));
    if (into.start.empty())
      into.start = into.id;
  }

  static bool mentions(const yaml_tree& map, std::string_view key) {
    return std::any_of(
      map.entries.begin(), map.entries.end(), [&](const auto& entry) {
        return entry.first->text == key || entry.first->what == kind::broken;
      });
  }

  void read_text(const yaml_tree& key, const yaml_tree& value, std::string& to,
                 child_settings& into) {
    if (!expect_scalar(key, value))
      return;
    if (value.text.empty())
      return fail(value, in_quotes(key.text) + " is empty");
    to = value.text;
    into.places[key.text] = place_of(value);
  }

  void read_pool(const yaml_tree& key, const yaml_tree& value,
                 child_settings& into) {
    if (!expect_scalar(key, value))
      return;
    if (!is_name(value.text))
      return fail(value, in_quotes(value.text) + " is not a name of a pool: "
                           + std::string{pool_name_rule});
    into.pool = value.text;
    into.places["pool"] = place_of(value);
  }

  void read_nested(const yaml_tree& key, const yaml_tree& value,
                   const std::string& supervisor, child_settings& into) {
    for (auto other : {"start", "args", "pool", "timeout"})
      if (into.places.contains(other))
        wrong_.add(into.places[other].where,
                   in_quotes(other)
                     + " is not for a child that is a supervisor");
    auto& nested = into.nested.emplace_back();
    nested.options.name = supervisor + '/' + into.id;
    ++depth_;
    read_supervisor(key, value, nested);
    --depth_;
  }

  void check_worker(const child_settings& child, bool has_pool) {
    auto timeout = child.places.find("timeout");
    if (timeout != child.places.end() && !has_pool)
      wrong_.add(timeout->second.where,
                 "`timeout` is for placing a child on a pool, and there is no "
                 "`pool`");
  }

  // -- arguments --------------------------------------------------------------

  void read_args(const yaml_tree& key, const yaml_tree& value,
                 child_settings& into) {
    into.places["args"] = place_of(value.what == kind::nothing ? key : value);
    if (value.what == kind::scalar || value.what == kind::map)
      return fail(value, "`args` must be a list, not "
                           + std::string{name_of(value.what)});
    for (auto& each : value.items)
      into.args.push_back(to_argument(*each, 0));
  }

  argument to_argument(const yaml_tree& value, std::size_t depth) {
    argument result{argument::kind::broken};
    result.where = position(path_, value.line, value.column);
    ++values_;
    if (values_ == most_values + 1)
      fail(value, fmt::format("the arguments in the file are more than {} "
                              "values",
                              grouped(most_values)));
    if (values_ > most_values)
      return result;
    if (depth > deepest) {
      fail(value,
           fmt::format("arguments are nested more than {} deep", deepest));
      return result;
    }
    switch (value.what) {
      case kind::scalar:
        result.what = argument::kind::scalar;
        result.text = value.text;
        break;
      case kind::list:
        result.what = argument::kind::list;
        for (auto& each : value.items)
          result.items.push_back(to_argument(*each, depth + 1));
        break;
      case kind::map:
        result.what = argument::kind::map;
        for_each(value, [&](const yaml_tree& key, const yaml_tree& each) {
          result.items.push_back(to_argument(each, depth + 1));
          result.items.back().key = key.text;
        });
        break;
      case kind::nothing:
        result.what = argument::kind::nothing;
        break;
      case kind::broken:
        break;
    }
    return result;
  }

  std::size_t children_ = 0;
  std::size_t values_ = 0;
  std::size_t depth_ = 0;
};

} // namespace

std::span<const tree_option<supervisor_options>> supervisor_schema() {
  return supervisor_rows;
}

std::span<const tree_option<child_settings>> child_schema() {
  return child_rows;
}

template <>
std::span<const std::string_view> words_of<strategy>() {
  return strategy_words;
}

template <>
std::span<const std::string_view> words_of<auto_shutdown>() {
  return auto_shutdown_words;
}

template <>
std::span<const std::string_view> words_of<restart>() {
  return restart_words;
}

template <>
std::span<const std::string_view> words_of<child_type>() {
  return child_type_words;
}

std::optional<std::string> text_of(const tree_option<supervisor_options>& row,
                                   const supervisor_options& from) {
  return format_field(row, from);
}

std::optional<std::string> text_of(const tree_option<child_settings>& row,
                                   const child_settings& from) {
  return format_field(row, from);
}

void read_supervisors(const yaml_tree& all, const std::string& path,
                      supervisor_trees& into, mistakes& wrong) {
  tree_reader{path, wrong}.read(all, into);
}

} // namespace flame::detail
