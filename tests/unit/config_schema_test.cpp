// The schema that editors use says the same as the parser. It is written by the
// test that compares it: FLAME_WRITE_SCHEMA=1 unit_tests -tc="the schema has*"
#include "config_schema.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>

#include <doctest/doctest.h>

#include <unistd.h>

#include <yaml-cpp/yaml.h>

#include "config_supervisors.hpp"
#include "flame/error.hpp"
#include "support/json_schema.hpp"

namespace fs = std::filesystem;

using test::json;

namespace {

const fs::path config_directory = FLAME_CONFIG_DIRECTORY;

// -- the schema that follows from the table of options ------------------------

constexpr const char* name_pattern = "^[A-Za-z][A-Za-z0-9_-]{0,62}$";

// Whatever the range is: what a pattern can say is that nothing is too little.
std::string quantity(const std::string& units, std::uint64_t low,
                     bool needs_unit) {
  std::string result = low > 0 ? "(?=[0-9.]*[1-9])" : "";
  return result + R"([0-9]+(\.[0-9]{1,9})? *()" + units + ")"
         + (needs_unit ? "" : "?");
}

json text_like(const std::string& pattern) {
  return {{"type", "string"}, {"pattern", pattern}};
}

constexpr auto forever = static_cast<std::uint64_t>(flame::infinite.count());

json value_of(const flame::detail::option_info& info) {
  using kind = flame::detail::option_kind;
  json number = {{"type", "integer"}, {"minimum", info.low}};
  if (info.high < std::numeric_limits<std::size_t>::max())
    number["maximum"] = info.high;
  switch (info.kind) {
    case kind::count:
      return json::array({number});
    case kind::size:
      return json::array(
        {number, text_like("^" + quantity("B|[kMGT]B|[KMGT]iB", info.low, false)
                           + "$")});
    case kind::time:
      return json::array(
        {text_like((info.high < forever ? "^(" : "^(infinite|")
                   + quantity("ns|us|ms|s|min|h|d", info.low, true) + ")$")});
    case kind::flag:
      return json::array({json{{"type", "boolean"}}});
    case kind::fraction:
      number["type"] = "number";
      return json::array({number});
    case kind::codes: {
      json codes = json::array();
      std::string any;
      std::istringstream words{flame::detail::range_of(info).substr(7)};
      for (std::string word; words >> word;) {
        if (word.ends_with(','))
          word.pop_back();
        codes.push_back(word);
        any += (any.empty() ? "" : "|") + word;
      }
      return json::array({json{{"type", "array"}, {"items", {{"enum", codes}}}},
                          text_like("^(" + any + ")( *, *(" + any + "))*$")});
    }
    case kind::isolation:
    case kind::level: {
      json levels = json::array();
      std::istringstream words{flame::detail::range_of(info)};
      for (std::string word; words >> word;) {
        if (word.ends_with(','))
          word.pop_back();
        levels.push_back(word);
      }
      return json::array({json{{"enum", levels}}});
    }
    case kind::backend_name:
      return json::array(
        {text_like(name_pattern), json{{"$ref", "#/definitions/backend"}}});
    case kind::node_name:
      return json::array({text_like("^[A-Za-z0-9_.-]{1,63}$")});
  }
  FAIL("an option of a kind that the schema does not know");
  return {};
}

json default_of(const flame::detail::option_info& info,
                const flame::detail::option_value& value) {
  if (info.kind == flame::detail::option_kind::count)
    return std::get<std::size_t>(value);
  if (info.kind == flame::detail::option_kind::flag)
    return std::get<bool>(value);
  if (info.kind == flame::detail::option_kind::fraction)
    return std::get<double>(value);
  if (info.kind == flame::detail::option_kind::codes) {
    json codes = json::array();
    for (auto code : std::get<std::vector<flame::errc>>(value))
      codes.push_back(to_string(code));
    return codes;
  }
  if (info.kind == flame::detail::option_kind::backend_name)
    return "local";
  return flame::detail::format_value(info, value);
}

template <class Options>
json section_of(std::span<const flame::detail::option<Options>> rows) {
  json members = json::object();
  for (auto& row : rows) {
    auto values = value_of(row);
    values.push_back({{"$ref", "#/definitions/variable"}});
    auto [group, key] = flame::detail::group_and_key(row.key);
    auto* into = &members;
    if (!group.empty()) {
      auto& map = members[std::string{group}];
      if (map.is_null())
        map = {{"type", {"object", "null"}},
               {"additionalProperties", false},
               {"properties", json::object()}};
      into = &map["properties"];
    }
    (*into)[std::string{key}] = {
      {"description",
       std::string{row.text} + " " + flame::detail::range_of(row) + "."},
      {"default", default_of(row, flame::detail::get(row, Options{}))},
      {"anyOf", values}};
  }
  return {{"type", {"object", "null"}},
          {"additionalProperties", false},
          {"properties", members}};
}

// -- trees --------------------------------------------------------------------

json some_of(std::span<const std::string_view> words) {
  json result = json::array();
  for (auto word : words)
    result.push_back(std::string{word});
  return {{"enum", result}};
}

template <class T, class Row>
json tree_value_of(const Row& row) {
  using kind = flame::detail::option_kind;
  auto as = [&](kind what) {
    return value_of({row.key, what, row.low, row.high, {}, {}});
  };
  if constexpr (std::is_same_v<T, std::size_t>) {
    return as(kind::count);
  } else if constexpr (std::is_same_v<T, bool>) {
    return as(kind::flag);
  } else if constexpr (std::is_same_v<T, std::string>) {
    return as(kind::level);
  } else if constexpr (std::is_same_v<T, double>) {
    return json::array(
      {json{{"type", "number"}, {"minimum", row.low}, {"maximum", row.high}}});
  } else if constexpr (std::is_same_v<T, flame::duration>) {
    return as(kind::time);
  } else {
    auto values = as(kind::time);
    if (row.key == "shutdown")
      values.push_back(some_of(std::array{flame::detail::brutal_word}));
    return values;
  }
}

template <class Options>
json tree_members(std::span<const flame::detail::tree_option<Options>> rows) {
  json members = json::object();
  for (auto& row : rows) {
    auto values = std::visit(
      [&](auto member) {
        using field = std::remove_reference_t<decltype(Options{}.*member)>;
        if constexpr (std::is_enum_v<field>)
          return json::array({some_of(flame::detail::words_of<field>())});
        else if constexpr (std::is_same_v<field,
                                          std::optional<flame::child_type>>)
          return json::array(
            {some_of(flame::detail::words_of<flame::child_type>())});
        else
          return tree_value_of<field>(row);
      },
      row.field);
    values.push_back({{"$ref", "#/definitions/variable"}});
    auto is_number_or_flag = std::visit(
      [](auto member) {
        return std::is_arithmetic_v<
          std::remove_reference_t<decltype(Options{}.*member)>>;
      },
      row.field);
    json member = {{"description", std::string{row.text}}};
    if (auto standard = flame::detail::text_of(row, Options{}))
      member["default"] =
        is_number_or_flag ? json::parse(*standard) : json(*standard);
    member["anyOf"] = values;
    members[std::string{row.key}] = member;
  }
  return members;
}

json reference(const char* name) {
  return {{"$ref", std::string{"#/definitions/"} + name}};
}

json child_schema_of() {
  json text = {{"type", {"string", "number", "boolean"}}};
  auto with = [](json value, const char* description) {
    value["description"] = description;
    return value;
  };
  json members = {
    {"id", with(text, "The child's name in its supervisor.")},
    {"start", with(text, "The name that the program has registered it by; "
                         "default: `id`.")},
    {"args",
     {{"type", {"array", "null"}},
      {"description", "What it is started with, by the types of its "
                      "parameters."}}},
    {"pool",
     {{"description", "The pool on a runner of which it is placed; without, "
                      "it is in the program's own process."},
      {"anyOf",
       json::array({text_like(name_pattern), reference("variable")})}}}};
  members.update(tree_members(flame::detail::child_schema()));
  members["supervisor"] = reference("supervisor");
  return {{"type", "object"},
          {"additionalProperties", false},
          {"required", {"id"}},
          {"properties", members}};
}

json supervisor_schema_of() {
  auto members = tree_members(flame::detail::supervisor_schema());
  members["children"] = {{"type", {"array", "null"}},
                         {"description", "In the order in which they start."},
                         {"items", reference("child")}};
  return {{"type", {"object", "null"}},
          {"additionalProperties", false},
          {"properties", members}};
}

json expected_schema() {
  json variable = text_like(R"(\$\{[^}]+\})");
  variable["description"] =
    "A value with ${VARIABLE} or ${VARIABLE:-default} from the environment.";
  json backend = {
    {"type", "object"},
    {"description", "A backend with its settings. `<key>_file` names a file "
                    "that has the value of `<key>`."},
    {"propertyNames", {{"pattern", "^[A-Za-z0-9_./-]{1,255}$"}}},
    {"properties",
     {{"name",
       {{"anyOf", json::array({text_like(name_pattern),
                               {{"$ref", "#/definitions/variable"}}})}}},
      {"name_file", false}}},
    {"additionalProperties", {{"type", {"string", "number", "boolean"}}}}};
  json pools = {{"type", {"object", "null"}},
                {"description", "The pools by their names."},
                {"propertyNames", {{"pattern", name_pattern}}},
                {"additionalProperties", {{"$ref", "#/definitions/pool"}}}};
  json supervisors = {{"type", {"object", "null"}},
                      {"description", "Trees of supervisors by their names."},
                      {"propertyNames", {{"pattern", name_pattern}}},
                      {"additionalProperties", reference("supervisor")}};
  return {{"$schema", "http://json-schema.org/draft-07/schema#"},
          {"title", "Configuration of a program that uses FLAME for C++"},
          {"type", {"object", "null"}},
          {"additionalProperties", false},
          {"properties",
           {{"node", {{"$ref", "#/definitions/node"}}},
            {"pools", pools},
            {"supervisors", supervisors}}},
          {"definitions",
           {{"node", section_of(flame::detail::node_schema())},
            {"pool", section_of(flame::detail::pool_schema())},
            {"backend", backend},
            {"supervisor", supervisor_schema_of()},
            {"child", child_schema_of()},
            {"variable", variable}}}};
}

// -- files --------------------------------------------------------------------

json shipped_schema() {
  std::ifstream in{config_directory / "flame.schema.json"};
  REQUIRE(in.good());
  return json::parse(in);
}

// As the core schema of YAML 1.2 has it, which is what editors follow.
json scalar_to_json(const YAML::Node& node) {
  auto text = node.Scalar();
  if (node.Tag() == "!")
    return text;
  if (text == "true" || text == "false")
    return text == "true";
  if (std::regex_match(text, std::regex{"[-+]?[0-9]+"}))
    return json::parse(text.starts_with('+') ? text.substr(1) : text);
  if (std::regex_match(text, std::regex{R"([-+]?[0-9]+\.[0-9]+)"}))
    return std::stod(text);
  return text;
}

json to_json(const YAML::Node& node) {
  if (node.IsScalar())
    return scalar_to_json(node);
  json result;
  for (auto& part : node) {
    if (node.IsMap())
      result[part.first.Scalar()] = to_json(part.second);
    else
      result.push_back(to_json(part));
  }
  if (result.is_null() && !node.IsNull())
    return node.IsMap() ? json::object() : json::array();
  return result;
}

bool schema_allows(const json& schema, const std::string& yaml) {
  auto value = to_json(YAML::Load(yaml));
  return test::schema_validator{schema}.violations(value).empty();
}

bool parser_allows(const std::string& yaml) {
  auto path = (fs::temp_directory_path()
               / ("flame-schema-" + std::to_string(::getpid()) + ".yaml"))
                .string();
  std::ofstream{path} << yaml;
  std::string mistake;
  try {
    auto config =
      flame::configuration::load({.file = path,
                                  .environment = std::map<std::string, //
                                                          std::string>{}});
    for (auto& name : config.pool_names())
      static_cast<void>(config.pool(name));
  } catch (const flame::call_error& error) {
    mistake = error.what();
  }
  fs::remove(path);
  return mistake.empty();
}

std::string in_tree(const std::string& line) {
  return "supervisors: {t: {" + line + "}}";
}

std::string in_child(const std::string& line) {
  return in_tree("children: [{" + line + "}]");
}

std::string in_pool(const std::string& line) {
  return "pools: {p: {" + line + "}}";
}

} // namespace

TEST_SUITE("configuration schema") {

  TEST_CASE(
    "the schema has every key, type and range of the parser, no other") {
    auto expected = expected_schema();
    if (std::getenv("FLAME_WRITE_SCHEMA"))
      std::ofstream{config_directory / "flame.schema.json"} << expected.dump(2)
                                                            << '\n';
    auto shipped = shipped_schema();
    for (auto& change : json::diff(expected, shipped))
      MESSAGE("config/flame.schema.json differs at "
              << change.dump()
              << "; FLAME_WRITE_SCHEMA=1 unit_tests -tc='the schema has*' "
                 "writes it anew");
    CHECK(expected == shipped);
  }

  TEST_CASE("the files that come with flame are right by the schema") {
    auto schema = shipped_schema();
    auto count = 0;
    for (auto& entry : fs::directory_iterator{config_directory}) {
      if (entry.path().extension() != ".yaml")
        continue;
      auto value = to_json(YAML::LoadFile(entry.path().string()));
      for (auto& wrong : test::schema_validator{schema}.violations(value))
        FAIL_CHECK(entry.path().string() << wrong);
      ++count;
    }
    CHECK(count >= 2);
  }

  TEST_CASE("what is right for the parser is right by the schema") {
    auto schema = shipped_schema();
    for (auto& yaml : std::vector<std::string>{
           "",
           "node:",
           "pools: {}",
           "pools: {p: }",
           "node: {name: a.b-c_d}",
           "node: {log: off, scheduler_threads: 0}",
           in_pool("min: 0, max: 1"),
           in_pool("max: 10000"),
           in_pool("max_queue: 18446744073709551615"),
           in_pool("timeout: 1ns"),
           in_pool("timeout: 0.5s"),
           in_pool("timeout: 10min"),
           in_pool("timeout: 100 ms"),
           in_pool("stop_grace: 0s"),
           in_pool("stop_grace: infinite"),
           in_pool("max_message: 1024"),
           in_pool("max_message: 1.5MiB"),
           in_pool("max_message: 64GiB"),
           in_pool("log: trace"),
           in_pool("retry: "),
           in_pool("retry: {}"),
           in_pool("retry: {attempts: 3, backoff: 1s, jitter: 0.25}"),
           in_pool("retry: {jitter: 0}"),
           in_pool("retry: {on: [runner_lost, queue_full]}"),
           in_pool("retry: {on: []}"),
           in_pool("retry: {on: call_crashed}"),
           in_pool("retry: {on: 'call_crashed, runner_lost'}"),
           in_pool("heartbeat: {interval: 0s}"),
           in_pool("heartbeat: {interval: 100ms, tolerance: 1s}"),
           in_pool("single_use: true"),
           in_pool("single_use: false, max_concurrency: 2"),
           in_pool("backend: docker"),
           in_pool("backend: {}"),
           in_pool("backend: {name: k8s, image: a, cpus: 2, tty: true}"),
           in_pool("max: '${NOT_SET:-3}'"),
           in_pool("backend: {name: '${NOT_SET:-k8s}'}"),
           "pools: {A-1_b: {max: 2}}",
           "supervisors:",
           "supervisors: {t: }",
           in_tree(""),
           in_tree("strategy: dynamic, intensity: 0, period: infinite"),
           in_tree("jitter: 0, min_backoff: 0s, max_backoff: 36500d"),
           in_tree("jitter: 0.25, backoff_reset: infinite, log: off"),
           in_tree("children: "),
           in_tree("children: []"),
           in_child("id: a"),
           in_child("id: 3, start: true"),
           in_child("id: a, args: "),
           in_child("id: a, args: [1, x, null, [[]], {a: {}}]"),
           in_child("id: a, pool: p, timeout: 1s"),
           in_child("id: a, pool: '${NOT_SET:-p}'"),
           in_child("id: a, shutdown: brutal_kill, type: worker"),
           in_child("id: a, shutdown: infinite, significant: true"),
           in_child("id: a, restart: temporary, shutdown: 0s"),
           in_child("id: a, supervisor: "),
           in_child("id: a, supervisor: {children: [{id: b}]}")}) {
      CAPTURE(yaml);
      CHECK(parser_allows(yaml));
      CHECK(schema_allows(schema, yaml));
    }
  }

  TEST_CASE("what is wrong for the parser is wrong by the schema") {
    auto schema = shipped_schema();
    for (auto& yaml :
         std::vector<std::string>{"- a",
                                  "text",
                                  "nodes: {}",
                                  "node: [a]",
                                  "node: {nam: a}",
                                  "node: {name: }",
                                  "node: {name: 'a b'}",
                                  "node: {log: loud}",
                                  "node: {scheduler_threads: 1025}",
                                  "pools: [p]",
                                  "pools: {1p: }",
                                  "pools: {p: 3}",
                                  "pools: {'a b': }",
                                  in_pool("mx: 3"),
                                  in_pool("max: 0"),
                                  in_pool("max: 10001"),
                                  in_pool("max: -1"),
                                  in_pool("max: 1.5"),
                                  in_pool("max: many"),
                                  in_pool("max: "),
                                  in_pool("max: [1]"),
                                  in_pool("max_queue: 0"),
                                  in_pool("timeout: 30"),
                                  in_pool("timeout: 0s"),
                                  in_pool("timeout: 0.000s"),
                                  in_pool("timeout: -1s"),
                                  in_pool("timeout: 3 weeks"),
                                  in_pool("timeout: 1.0000000001s"),
                                  in_pool("boot_timeout: soon"),
                                  in_pool("stop_grace: 5"),
                                  in_pool("max_message: 1023"),
                                  in_pool("max_message: 68719476737"),
                                  in_pool("max_message: 0MiB"),
                                  in_pool("max_message: 1XB"),
                                  in_pool("log: verbose"),
                                  in_pool("single_use: yes"),
                                  in_pool("single_use: 1"),
                                  in_pool("log: 3"),
                                  in_pool("backend: "),
                                  in_pool("backend: [a]"),
                                  in_pool("backend: 'a b'"),
                                  in_pool("backend: {'a b': c}"),
                                  in_pool("backend: {name: '1x'}"),
                                  in_pool("backend: {image: [a]}"),
                                  in_pool("backend: {image: {a: b}}"),
                                  in_pool("backend: {image: }"),
                                  in_pool("backend: {name_file: x}"),
                                  in_pool("retry: 3"),
                                  in_pool("retry: [3]"),
                                  in_pool("retry: {attempts: 0}"),
                                  in_pool("retry: {attempts: [1]}"),
                                  in_pool("retry: {attempt: 1}"),
                                  in_pool("retry: {backoff: 100}"),
                                  in_pool("retry: {jitter: 1.5}"),
                                  in_pool("retry: {jitter: -0.5}"),
                                  in_pool("retry: {jitter: much}"),
                                  in_pool("retry: {on: [timeout]}"),
                                  in_pool("retry: {on: [[runner_lost]]}"),
                                  in_pool("retry: {on: {runner_lost: 1}}"),
                                  in_pool("retry: {on: lost}"),
                                  in_pool("heartbeat: {tolerance: 0s}"),
                                  in_pool("heartbeat: {interval: infinite}"),
                                  in_pool("heartbeat: 1s"),
                                  in_pool("retry.attempts: 3"),
                                  in_pool("backend.image: a"),
                                  "supervisors: [t]",
                                  "supervisors: {1t: }",
                                  "supervisors: {t: [a]}",
                                  in_tree("strategi: dynamic"),
                                  in_tree("strategy: one_for_two"),
                                  in_tree("strategy: "),
                                  in_tree("intensity: -1"),
                                  in_tree("period: 0s"),
                                  in_tree("period: 5"),
                                  in_tree("auto_shutdown: true"),
                                  in_tree("max_children: 0"),
                                  in_tree("max_backoff: brutal_kill"),
                                  in_tree("jitter: 1.5"),
                                  in_tree("jitter: -0.1"),
                                  in_tree("jitter: much"),
                                  in_tree("log: loud"),
                                  in_tree("children: {a: }"),
                                  in_tree("children: [a]"),
                                  in_tree("children: [[]]"),
                                  in_child("start: a"),
                                  in_child("id: "),
                                  in_child("id: [a]"),
                                  in_child("id: a, strat: b"),
                                  in_child("id: a, args: x"),
                                  in_child("id: a, args: {x: y}"),
                                  in_child("id: a, pool: 'a b'"),
                                  in_child("id: a, restart: never"),
                                  in_child("id: a, shutdown: kill"),
                                  in_child("id: a, shutdown: -1s"),
                                  in_child("id: a, significant: 1"),
                                  in_child("id: a, type: child"),
                                  in_child("id: a, supervisor: [b]"),
                                  in_child("id: a, supervisor: {a: b}")}) {
      CAPTURE(yaml);
      CHECK_FALSE(parser_allows(yaml));
      CHECK_FALSE(schema_allows(schema, yaml));
    }
  }
}
