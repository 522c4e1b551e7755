/// As much of JSON Schema (draft 7) as our schema uses.
#pragma once

#include <regex>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace test {

using json = nlohmann::ordered_json;

/// Says where a value is not what a schema allows. A keyword that it does not
/// know is told too, so that nothing counts as checked that was not.
class schema_validator {
public:
  explicit schema_validator(const json& root) : root_(root) {
    // nop
  }

  std::vector<std::string> violations(const json& value) {
    found_.clear();
    check(root_, value, "");
    return found_;
  }

private:
  void fail(const std::string& at, const std::string& text) {
    found_.push_back((at.empty() ? "/" : at) + ": " + text);
  }

  bool fits(const json& schema, const json& value, const std::string& at) {
    schema_validator inner{root_};
    inner.check(schema, value, at);
    return inner.found_.empty();
  }

  void check(const json& schema, const json& value, const std::string& at) {
    if (schema.is_boolean()) {
      if (!schema.get<bool>())
        fail(at, "must not be there");
      return;
    }
    for (auto& [keyword, rule] : schema.items())
      check_keyword(schema, keyword, rule, value, at);
  }

  void check_keyword(const json& schema, const std::string& keyword,
                     const json& rule, const json& value,
                     const std::string& at) {
    static const std::set<std::string> annotations = {
      "$schema", "title", "description", "default", "definitions"};
    if (annotations.contains(keyword))
      return;
    if (keyword == "$ref")
      check(root_.at(json::json_pointer{rule.get<std::string>().substr(1)}),
            value, at);
    else if (keyword == "anyOf")
      check_any(rule, value, at);
    else if (keyword == "type")
      check_type(rule, value, at);
    else if (keyword == "enum")
      check_enum(rule, value, at);
    else if (keyword == "pattern")
      check_pattern(rule, value, at);
    else if (keyword == "minimum" || keyword == "maximum")
      check_limit(keyword == "minimum", rule, value, at);
    else if (keyword == "items")
      check_items(rule, value, at);
    else if (keyword == "required")
      check_required(rule, value, at);
    else if (keyword == "properties" || keyword == "additionalProperties")
      check_members(schema, keyword, rule, value, at);
    else if (keyword == "propertyNames")
      check_names(rule, value, at);
    else
      fail(at, "the schema has an unknown keyword " + keyword);
  }

  void check_any(const json& rules, const json& value, const std::string& at) {
    for (auto& rule : rules)
      if (fits(rule, value, at))
        return;
    fail(at, value.dump() + " fits none of " + rules.dump());
  }

  static bool is_of(const std::string& type, const json& value) {
    if (type == "integer")
      return value.is_number_integer();
    if (type == "number")
      return value.is_number();
    return value.type_name() == type;
  }

  void check_type(const json& rule, const json& value, const std::string& at) {
    if (rule.is_string()) {
      if (!is_of(rule, value))
        fail(at, value.dump() + " is not of type " + rule.dump());
      return;
    }
    for (auto& type : rule)
      if (is_of(type, value))
        return;
    fail(at, value.dump() + " is of none of the types " + rule.dump());
  }

  void check_enum(const json& rule, const json& value, const std::string& at) {
    for (auto& candidate : rule)
      if (candidate == value)
        return;
    fail(at, value.dump() + " is none of " + rule.dump());
  }

  void check_pattern(const json& rule, const json& value,
                     const std::string& at) {
    if (value.is_string()
        && !std::regex_search(value.get<std::string>(),
                              std::regex{rule.get<std::string>()}))
      fail(at, value.dump() + " does not match " + rule.dump());
  }

  void check_limit(bool is_least, const json& rule, const json& value,
                   const std::string& at) {
    if (value.is_number() && (is_least ? value < rule : value > rule))
      fail(at, value.dump() + " is beyond " + rule.dump());
  }

  void check_members(const json& schema, const std::string& keyword,
                     const json& rule, const json& value,
                     const std::string& at) {
    if (!value.is_object())
      return;
    for (auto& [key, member] : value.items()) {
      auto path = at + '/' + key;
      auto is_named =
        schema.contains("properties") && schema["properties"].contains(key);
      if (keyword == "properties" && is_named)
        check(rule[key], member, path);
      else if (keyword == "additionalProperties" && !is_named)
        check(rule, member, path);
    }
  }

  void check_items(const json& rule, const json& value, const std::string& at) {
    if (!value.is_array())
      return;
    for (std::size_t i = 0; i < value.size(); ++i)
      check(rule, value[i], at + '/' + std::to_string(i));
  }

  void check_required(const json& rule, const json& value,
                      const std::string& at) {
    if (!value.is_object())
      return;
    for (auto& key : rule)
      if (!value.contains(key.get<std::string>()))
        fail(at, key.dump() + " is missing");
  }

  void check_names(const json& rule, const json& value, const std::string& at) {
    if (!value.is_object())
      return;
    for (auto& entry : value.items())
      check(rule, json(entry.key()), at + '/' + entry.key());
  }

  const json& root_;
  std::vector<std::string> found_;
};

} // namespace test
