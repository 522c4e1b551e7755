#include "config_yaml.hpp"

#include <algorithm>
#include <exception>
#include <map>
#include <sstream>
#include <tuple>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

namespace flame::detail {

namespace {

bool is_variable(std::string_view name) {
  auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9')
         && std::all_of(name.begin(), name.end(), is_word);
}

// The value of what stands between `${` and `}`.
std::string resolve(std::string_view inner, const variables& environment) {
  auto separator = inner.find(":-");
  std::string name{inner.substr(0, separator)};
  if (!is_variable(name))
    throw_invalid(in_quotes(name)
                  + " is not the name of a variable; write $$ for "
                    "a dollar sign");
  auto found = environment.find(name);
  // As in a shell, `:-` stands in for an empty variable too.
  if (separator != std::string_view::npos)
    return found != environment.end() && !found->second.empty()
             ? found->second
             : std::string{inner.substr(separator + 2)};
  if (found == environment.end())
    throw_invalid("environment variable " + in_quotes(name)
                  + " is not set: set "
                    "it, or write ${"
                  + name + ":-default}");
  return found->second;
}

// From 1, as editors count; yaml-cpp counts from 0.
std::pair<int, int> line_and_column(const YAML::Mark& mark) {
  if (mark.is_null())
    return {1, 1};
  return {mark.line + 1, mark.column + 1};
}

std::string position_of(const std::string& path, const YAML::Mark& mark) {
  auto [line, column] = line_and_column(mark);
  return position(path, line, column);
}

class tree_builder final : public YAML::EventHandler {
public:
  tree_builder(const std::string& path, const variables& environment,
               mistakes& wrong)
    : path_(path),
      environment_(environment),
      wrong_(wrong) {
    // nop
  }

  yaml_ptr take() {
    if (!root_)
      root_ = std::make_shared<yaml_tree>();
    return std::move(root_);
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    start_ = mark;
  }

  void OnDocumentEnd() override {
    // nop
  }

  const YAML::Mark& start() const {
    return start_;
  }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    place_value(make(mark, yaml_tree::kind::nothing, anchor));
  }

  void OnScalar(const YAML::Mark& mark, const std::string&,
                YAML::anchor_t anchor, const std::string& value) override {
    auto node = make(mark, yaml_tree::kind::scalar, anchor);
    try {
      node->text = interpolate(value, environment_);
    } catch (const call_error& error) {
      fail(*node, error.what());
    }
    place_value(std::move(node));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto found = anchors_.find(anchor);
    if (found != anchors_.end() && !is_open(found->second)) {
      place_value(found->second);
      return;
    }
    auto node = make(mark, yaml_tree::kind::nothing, YAML::NullAnchor);
    fail(*node, "an alias stands within what it names");
    place_value(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&,
                       YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(make(mark, yaml_tree::kind::list, anchor));
  }

  void OnSequenceEnd() override {
    close();
  }

  void OnMapStart(const YAML::Mark& mark, const std::string&,
                  YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(make(mark, yaml_tree::kind::map, anchor));
  }

  void OnMapEnd() override {
    close();
  }

private:
  struct frame {
    yaml_ptr node;
    yaml_ptr key;
  };

  yaml_ptr make(const YAML::Mark& mark, yaml_tree::kind what,
                YAML::anchor_t anchor) {
    auto node = std::make_shared<yaml_tree>();
    node->what = what;
    std::tie(node->line, node->column) = line_and_column(mark);
    if (anchor != YAML::NullAnchor)
      anchors_[anchor] = node;
    return node;
  }

  void fail(yaml_tree& node, std::string_view text) {
    node.what = yaml_tree::kind::broken;
    wrong_.add(position(path_, node.line, node.column), text);
  }

  bool is_open(const yaml_ptr& node) const {
    return std::any_of(stack_.begin(), stack_.end(), [&](const frame& open) {
      return open.node == node;
    });
  }

  void open(yaml_ptr node) {
    stack_.push_back({std::move(node), nullptr});
  }

  void close() {
    auto node = std::move(stack_.back().node);
    stack_.pop_back();
    place_value(std::move(node));
  }

  void place_value(yaml_ptr node) {
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    auto& [parent, key] = stack_.back();
    if (parent->what == yaml_tree::kind::list)
      parent->items.push_back(std::move(node));
    else if (!key)
      key = std::move(node);
    else
      parent->entries.emplace_back(std::exchange(key, nullptr),
                                   std::move(node));
  }

  const std::string& path_;
  const variables& environment_;
  mistakes& wrong_;
  std::vector<frame> stack_;
  std::map<YAML::anchor_t, yaml_ptr> anchors_;
  yaml_ptr root_;
  YAML::Mark start_;
};

// yaml-cpp 0.7 takes a quote that is never closed, and with it the rest of the
// file, when a line break is the last thing it sees; without one it throws.
void check_quotes(std::string_view text, const std::string& path,
                  const variables& environment) {
  constexpr std::string_view blank = " \t\r\n";
  auto last = text.find_last_not_of(blank);
  std::istringstream in{std::string{text.substr(0, last + 1)}};
  YAML::Parser parser{in};
  mistakes ignored;
  tree_builder builder{path, environment, ignored};
  parser.HandleNextDocument(builder);
}

std::string describe(const YAML::Exception& error) {
  if (error.msg == YAML::ErrorMsg::EOF_IN_SCALAR)
    return "not YAML: a quote is open at the end of the file";
  return "not YAML: " + shown(error.msg);
}

} // namespace

yaml_ptr read_yaml(const std::string& text, const std::string& path,
                   const variables& environment, mistakes& wrong) {
  try {
    check_quotes(text, path, environment);
    std::istringstream in{text};
    YAML::Parser parser{in};
    tree_builder builder{path, environment, wrong};
    parser.HandleNextDocument(builder);
    mistakes ignored;
    tree_builder more{path, environment, ignored};
    if (parser.HandleNextDocument(more)) {
      wrong.add(position_of(path, more.start()),
                "the file must end here: it may have only one document");
      return nullptr;
    }
    return builder.take();
  } catch (const YAML::Exception& error) {
    wrong.add(position_of(path, error.mark), describe(error));
  } catch (const std::exception& error) {
    // yaml-cpp lets others out for some broken input.
    wrong.add(one_line(path), std::string{"not YAML: "} + error.what());
  }
  return nullptr;
}

std::string position(const std::string& path, int line, int column) {
  return one_line(path) + ':' + std::to_string(line) + ':'
         + std::to_string(column);
}

std::string interpolate(std::string_view text, const variables& environment) {
  std::string result;
  while (!text.empty()) {
    auto dollar = std::min(text.find('$'), text.size());
    result += text.substr(0, dollar);
    text.remove_prefix(dollar);
    if (text.starts_with("$$")) {
      result += '$';
      text.remove_prefix(2);
    } else if (text.starts_with("${")) {
      auto end = text.find('}');
      if (end == std::string_view::npos)
        throw_invalid("${ is not closed by }; write $$ for a dollar sign");
      result += resolve(text.substr(2, end - 2), environment);
      text.remove_prefix(end + 1);
    } else if (!text.empty()) {
      result += '$';
      text.remove_prefix(1);
    }
  }
  return result;
}

} // namespace flame::detail
