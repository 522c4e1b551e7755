#include "flame/config.hpp"

#include <algorithm>
#include <utility>

#include "config_schema.hpp"
#include "config_text.hpp"

namespace flame {

namespace {

using detail::in_quotes;
using detail::throw_invalid;

constexpr std::size_t help_width = 80;

class parser {
public:
  parser(int argc, const char* const* argv) {
    if (argc > 0)
      result_.program = argv[0];
    for (int i = 1; i < argc; ++i)
      arguments_.emplace_back(argv[i]);
  }

  command_line run() {
    while (next_ < arguments_.size() && arguments_[next_] != "--")
      take(arguments_[next_++]);
    result_.rest.insert(result_.rest.end(), arguments_.begin() + offset(),
                        arguments_.end());
    return std::move(result_);
  }

private:
  std::ptrdiff_t offset() const {
    return static_cast<std::ptrdiff_t>(next_);
  }

  void take(std::string_view argument) {
    auto separator = std::min(argument.find('='), argument.size());
    auto flag = argument.substr(0, separator);
    std::optional<std::string_view> value;
    if (separator < argument.size())
      value = argument.substr(separator + 1);
    if (flag == "--config")
      take_config(flag, value);
    else if (flag == "--print-config")
      take_switch(flag, value, result_.print_config);
    else if (flag == "--check-config")
      take_switch(flag, value, result_.check_config);
    else if (flag.starts_with("--node.") || flag.starts_with("--pools."))
      result_.overrides.emplace_back(flag.substr(2), value_of(flag, value));
    else
      result_.rest.emplace_back(argument);
  }

  void take_config(std::string_view flag,
                   std::optional<std::string_view> value) {
    std::string path{value_of(flag, value)};
    if (path.empty())
      throw_invalid("--config: has no value: give the path of a file");
    if (result_.config_file)
      throw_invalid("--config: is there twice: "
                    + in_quotes(*result_.config_file) + " and "
                    + in_quotes(path));
    result_.config_file = std::move(path);
  }

  static void take_switch(std::string_view flag,
                          std::optional<std::string_view> value, bool& to) {
    if (value)
      throw_invalid(std::string{flag} + ": takes no value, but has "
                    + in_quotes(*value));
    to = true;
  }

  std::string_view value_of(std::string_view flag,
                            std::optional<std::string_view> value) {
    if (value)
      return *value;
    if (next_ == arguments_.size() || arguments_[next_].starts_with("--"))
      throw_invalid(detail::one_line(flag) + ": has no value: write e.g. "
                    + detail::one_line(flag) + "=VALUE");
    return arguments_[next_++];
  }

  std::vector<std::string_view> arguments_;
  std::size_t next_ = 0;
  command_line result_;
};

// Words of `text` in lines of `help_width`, each after `indent` blanks.
void wrap(std::string& out, std::string_view text, std::size_t indent) {
  std::size_t column = 0;
  while (!text.empty()) {
    auto end = std::min(text.find(' '), text.size());
    auto word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (column > 0 && column + 1 + word.size() > help_width) {
      out += '\n';
      column = 0;
    }
    if (column == 0) {
      out.append(indent, ' ');
      column = indent;
    } else {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  out += '\n';
}

template <class Options>
void describe_options(std::string& out, std::string_view prefix,
                      std::span<const detail::option<Options>> schema) {
  const Options standard{};
  for (auto& row : schema) {
    auto value = detail::format_value(row, detail::get(row, standard));
    if (row.kind == detail::option_kind::backend_name)
      value = "local";
    out.append("  --").append(prefix).append(row.key);
    out.append(" <").append(row.unit).append(">\n");
    wrap(out, row.text, 6);
    wrap(out, detail::range_of(row) + "; default " + value, 6);
  }
}

} // namespace

configuration_source command_line::source() const {
  return {.file = config_file, .flags = overrides};
}

command_line parse_command_line(int argc, const char* const* argv) {
  return parser{argc, argv}.run();
}

std::string command_line_help() {
  std::string result = "Configuration:\n"
                       "  --config <file>\n";
  wrap(result, "Read this YAML file; default: the one that FLAME_CONFIG names.",
       6);
  result += "  --print-config\n";
  wrap(result, "Print all settings in force, with where each came from.", 6);
  result += "  --check-config\n";
  wrap(result, "Check all settings, and start nothing.", 6);
  result += '\n';
  wrap(result,
       "A flag stands above the environment (FLAME_NODE_<KEY> and "
       "FLAME_POOLS_<NAME>_<KEY>, in upper case), which stands above the "
       "file. Times have a unit of ns, us, ms, s, min, h or d, or are "
       "`infinite`; bytes may have one of B, KiB, MiB, GiB, TiB or kB, MB, "
       "GB, TB. Supervisors are set in the file alone.",
       0);
  result += "\nNode:\n";
  describe_options(result, "node.", detail::node_schema());
  result += "\nPools:\n";
  describe_options(result, "pools.NAME.", detail::pool_schema());
  result += "  --pools.NAME.backend.KEY <text>\n";
  wrap(result, "A setting of the backend, see its documentation.", 6);
  return result;
}

} // namespace flame
