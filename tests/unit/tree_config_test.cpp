// Trees of supervisors in a configuration file: what is read, what is refused,
// and what is started from it.
#include "tree_config.hpp"

#include <filesystem>
#include <fstream>

#include <unistd.h>

#include "config_check.hpp"
#include "support/supervisor_world.hpp"

namespace fs = std::filesystem;

namespace {

using namespace tests;

using access = flame::detail::configuration_access;

/// A file that is there while this is.
class file_of {
public:
  explicit file_of(const std::string& yaml)
    : path_((fs::temp_directory_path()
             / ("flame-tree-" + std::to_string(::getpid()) + ".yaml"))
              .string()) {
    std::ofstream{path_, std::ios::binary} << yaml;
  }

  ~file_of() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }

  file_of(const file_of&) = delete;
  file_of& operator=(const file_of&) = delete;

  flame::configuration_source source() const {
    return {.file = path_,
            .environment = std::map<std::string, std::string>{{"SHARDS", "7"}}};
  }

  /// The text, with this file as `f`.
  std::string shortened(std::string text) const {
    for (auto at = text.find(path_); at != std::string::npos;
         at = text.find(path_))
      text.replace(at, path_.size(), "f");
    return text;
  }

private:
  std::string path_;
};

// -- what a program registers -------------------------------------------------

/// What `note` was started with.
std::string noted;

template <class... Ts>
std::string in_words(const Ts&... values) {
  std::ostringstream out;
  auto add = [&](const auto& value) {
    out << value << ' ';
  };
  (add(values), ...);
  return out.str();
}

caf::actor note(caf::event_based_actor*, bool flag, std::int8_t small,
                std::uint64_t large, double real, const std::string& text,
                std::chrono::milliseconds time) {
  noted = in_words(flag, int{small}, large, real, text, time.count());
  return nullptr;
}

caf::actor note_many(caf::event_based_actor*,
                     const std::vector<std::vector<int>>& lists,
                     const std::map<std::string, double>& map,
                     std::unordered_map<int, std::string> other,
                     std::optional<std::string> first,
                     std::optional<bool> second) {
  noted.clear();
  for (auto& list : lists)
    for (auto& each : list)
      noted += in_words(each);
  for (auto& [key, value] : map)
    noted += in_words(key, value);
  for (auto& [key, value] : other)
    noted += in_words(key, value);
  noted += in_words(first.value_or("none"), second.has_value());
  return nullptr;
}

caf::behavior store(caf::event_based_actor*, const std::string&, std::uint8_t) {
  return {[](get_atom) {
    return 1;
  }};
}

caf::behavior idle(caf::event_based_actor*) {
  return {[](get_atom) {
    return 2;
  }};
}

caf::behavior session(caf::event_based_actor*, int port, caf::actor,
                      const std::string& text) {
  noted = in_words(port, text);
  return idle(nullptr);
}

class keeper : public caf::event_based_actor {
public:
  keeper(caf::actor_config& cfg, const std::string& text, int number)
    : event_based_actor(cfg) {
    noted = in_words(text, number);
  }

  caf::behavior make_behavior() override {
    return idle(this);
  }
};

flame::node_options program() {
  flame::node_options result;
  result.pools["ffmpeg"] = {};
  result.children.add("note", note);
  result.children.add("note_many", note_many);
  result.children.add("store", store);
  result.children.add("idle", idle);
  result.children.add("session", session);
  result.children.add<keeper, std::string, int>("keeper");
  // What this captures means nothing elsewhere.
  result.children.add("local", [where = &noted](caf::event_based_actor* self) {
    return idle(where->empty() ? self : nullptr);
  });
  return result;
}

// -- questions ----------------------------------------------------------------

std::string mistakes(const std::string& yaml,
                     flame::node_options options = program()) {
  file_of file{yaml};
  auto [config, wrong, path] = access::load(file.source());
  options.config = config;
  flame::detail::check_trees(options, wrong);
  return file.shortened(wrong.text());
}

supervisor_options tree(const std::string& yaml,
                        const std::string& name = "t") {
  file_of file{yaml};
  auto options = program();
  options.config = flame::configuration::load(file.source());
  return flame::detail::tree_options(options, name, [](const std::string&) {
    return flame::pool{};
  });
}

std::string printed(const std::string& yaml) {
  file_of file{yaml};
  return file.shortened(flame::configuration::load(file.source()).print());
}

/// What stands under `supervisors`, without comments.
std::string settings_in(const std::string& print) {
  auto at = print.find("supervisors:");
  REQUIRE(at != std::string::npos);
  std::istringstream lines{print.substr(at)};
  std::string result;
  for (std::string line; std::getline(lines, line);) {
    auto end = line.rfind(" # ");
    end = line.find_last_not_of(' ', end);
    result += line.substr(0, end + 1) + '\n';
  }
  return result;
}

/// The mistakes in a child.
std::string wrong_child(const std::string& child) {
  auto text = mistakes("supervisors: {t: {children: [{" + child + "}]}}");
  return text;
}

/// What is started with these arguments.
std::string started_with(const std::string& start, const std::string& args) {
  noted.clear();
  world w{tree("supervisors: {t: {children: [{id: a, start: " + start
               + ", args: " + args + "}]}}")};
  return noted;
}

constexpr const char* whole_tree = R"(
supervisors:
  t:
    strategy: rest_for_one
    intensity: 3
    period: 10s
    auto_shutdown: any_significant
    max_children: 100
    min_backoff: 100ms
    max_backoff: 1min
    backoff_reset: 5min
    jitter: 0.25
    log: warn
    children:
      - id: main store
        start: store
        args: [/var/lib/app, 4]
      - id: idle
        pool: ffmpeg
        timeout: 10s
        restart: transient
        shutdown: 30s
        significant: true
      - id: watchers
        restart: temporary
        supervisor:
          strategy: one_for_all
          children:
            - id: a
              start: idle
              shutdown: brutal_kill
              type: supervisor
            - id: b
              start: idle
              shutdown: infinite
  u:
)";

TEST_CASE("a tree is what its file says") {
  auto top = tree(whole_tree);
  CHECK(top.name == "t");
  CHECK(top.strategy == strategy::rest_for_one);
  CHECK(top.intensity == 3);
  CHECK(top.period == 10s);
  CHECK(top.auto_shutdown == flame::auto_shutdown::any_significant);
  CHECK(top.max_children == 100);
  CHECK(top.min_backoff == 100ms);
  CHECK(top.max_backoff == 1min);
  CHECK(top.backoff_reset == flame::duration{5min});
  CHECK(top.jitter == 0.25);
  CHECK(top.log == "warn");
  REQUIRE(top.children.size() == 3);
  CHECK(top.children[0].id == "main store");
  CHECK(top.children[0].restart == restart::permanent);
  CHECK_FALSE(top.children[0].shutdown);
  CHECK(top.children[1].restart == restart::transient);
  CHECK(top.children[1].shutdown == flame::duration{30s});
  CHECK(top.children[1].significant);
  CHECK(top.children[2].restart == restart::temporary);
  for (auto& child : top.children)
    CHECK(child.start);
  CHECK(flame::check(top).empty());
}

TEST_CASE("what the file leaves out has the defaults of code") {
  auto top = tree(whole_tree, "u");
  supervisor_options standard;
  CHECK(top.name == "u");
  CHECK(top.strategy == standard.strategy);
  CHECK(top.intensity == standard.intensity);
  CHECK(top.period == standard.period);
  CHECK(top.auto_shutdown == standard.auto_shutdown);
  CHECK(top.max_children == standard.max_children);
  CHECK(top.min_backoff == standard.min_backoff);
  CHECK(top.max_backoff == standard.max_backoff);
  CHECK_FALSE(top.backoff_reset);
  CHECK(top.jitter == standard.jitter);
  CHECK(top.log == standard.log);
  CHECK(top.children.empty());
}

TEST_CASE("a tree of a file runs, with the trees in it") {
  world w{tree(R"(
supervisors:
  t:
    children:
      - {id: store, args: [/x, 255]}
      - id: watchers
        supervisor: {strategy: one_for_all, children: [{id: idle}, {id: b, start: idle}]}
)")};
  CHECK(w.states() == "store running, watchers running");
  CHECK(w.counts() == std::vector<std::size_t>{2, 2, 1, 1});
  CHECK(w.counts_of(w.handle("watchers"))
        == std::vector<std::size_t>{2, 2, 0, 2});
  // One for all: both are other actors then.
  auto nested = w.handle("watchers");
  auto before = w.handle_in(nested, "b");
  caf::anon_send_exit(w.handle_in(nested, "idle"), caf::exit_reason::kill);
  w.run();
  CHECK(w.handle_in(nested, "b") != before);
}

TEST_CASE("arguments are read by the types of the parameters") {
  CHECK(started_with("note", "[true, -128, 18446744073709551615, 0.5, 4, 1.5s]")
        == "1 -128 18446744073709551615 0.5 4 1500 ");
  CHECK(started_with("note", "[false, '127', '${SHARDS}', -1e3, '', infinite]")
        == "0 127 7 -1000  "
             + std::to_string(std::chrono::milliseconds::max().count()) + " ");
  CHECK(started_with("note_many", "[[[1, 2], [], [3]], {a: 1, b: 2.5}, "
                                  "{-1: x}, null, true]")
        == "1 2 3 a 1 b 2.5 -1 x none 1 ");
  CHECK(started_with("note_many", "[[], {}, {}, text]") == "text 0 ");
  CHECK(started_with("note_many", "[[], {}, {}]") == "none 0 ");
  CHECK(started_with("keeper", "[text, 5]") == "text 5 ");
}

TEST_CASE("arguments that are not of the parameters' types are told") {
  auto wrong = [](const std::string& start, const std::string& args) {
    auto text = wrong_child("id: a, start: " + start + ", args: " + args);
    // Where they are is told elsewhere.
    std::string result;
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);)
      result += line.substr(line.find(": ") + 2) + '\n';
    return result;
  };
  CHECK(
    wrong("note", "[yes, 128, -1, x, [a], 5]")
    == "argument 1 of `note` (true or false): `yes` is neither `true` nor "
       "`false`\n"
       "argument 2 of `note` (a whole number, -128 to 127): `128` is out of "
       "range\n"
       "argument 3 of `note` (a whole number, 0 to "
       "18,446,744,073,709,551,615): `-1` is out of range\n"
       "argument 4 of `note` (a number): `x` is not a number\n"
       "argument 5 of `note` (text): must be a single value, not a list\n"
       "argument 6 of `note` (a time span): `5` has no unit: write e.g. 5s; "
       "units are ns, us, ms, s, min, h, d\n");
  CHECK(wrong("note", "[, -129, 99999999999999999999, inf, {}, 1us]")
        == "argument 1 of `note` (true or false): must be a single value, not "
           "nothing\n"
           "argument 2 of `note` (a whole number, -128 to 127): `-129` is out "
           "of range\n"
           "argument 3 of `note` (a whole number, 0 to "
           "18,446,744,073,709,551,615): `99999999999999999999` is out of "
           "range\n"
           "argument 4 of `note` (a number): `inf` is not a number\n"
           "argument 5 of `note` (text): must be a single value, not a map\n"
           "argument 6 of `note` (a time span): `1us` is finer than the "
           "parameter is\n");
  CHECK(wrong("note", "[true, 1.5, 0x1, 1e999, a, 1s]")
        == "argument 2 of `note` (a whole number, -128 to 127): `1.5` is not a "
           "whole number\n"
           "argument 3 of `note` (a whole number, 0 to "
           "18,446,744,073,709,551,615): `0x1` is not a whole number\n"
           "argument 4 of `note` (a number): `1e999` is out of range\n");
  CHECK(wrong("note_many", "[[1, [2, x]], {a: }, [], 1, 2]")
        == "argument 1 of `note_many` (a list, each a list, each a whole "
           "number, -2,147,483,648 to 2,147,483,647): must be a list, not a "
           "single value\n"
           "argument 1 of `note_many` (a list, each a list, each a whole "
           "number, -2,147,483,648 to 2,147,483,647): `x` is not a whole "
           "number\n"
           "argument 2 of `note_many` (a map, each key text, each value a "
           "number): must be a single value, not nothing\n"
           "argument 3 of `note_many` (a map, each key a whole number, "
           "-2,147,483,648 to 2,147,483,647, each value text): must be a map, "
           "not a list\n"
           "argument 5 of `note_many` (true or false, or null): `2` is neither "
           "`true` nor `false`\n");
  CHECK(wrong("note", "['${NOT_SET}', 1, 2, 3, a, 1s]")
        == "environment variable `NOT_SET` is not set: set it, or write "
           "${NOT_SET:-default}\n");
  CHECK(wrong("store", "[a]")
        == "`store` takes 2 arguments (text; a whole number, 0 to 255), and "
           "gets 1\n");
  CHECK(wrong("idle", "[a]") == "`idle` takes 0 arguments, and gets 1\n");
  CHECK(
    wrong("keeper", "[a]")
    == "`keeper` takes 2 arguments (text; a whole number, -2,147,483,648 to "
       "2,147,483,647), and gets 1\n");
  CHECK(wrong("session", "[1]")
        == "argument 2 of `session` is a caf::actor, which a file cannot "
           "give\n");
}

TEST_CASE("children of a dynamic supervisor leave arguments to their start") {
  world w{tree("supervisors: {t: {strategy: dynamic, children: [{id: s, start: "
               "session, args: [80]}]}}")};
  CHECK(noted != "80 x ");
  REQUIRE(w.start_one(w.top.handle(), std::string{"x"}));
  CHECK(noted == "80 x ");
  CHECK(flame::code_of(w.start_one(80).error()) == errc::bad_payload);
  auto dynamic = [](const std::string& child) {
    return mistakes("supervisors: {t: {strategy: dynamic, children: [{id: s, "
                    + child + "}]}}");
  };
  CHECK(dynamic("start: session").empty());
  CHECK(dynamic("start: note_many").empty());
  CHECK(dynamic("start: keeper, args: [a, 1]").empty());
  CHECK(dynamic("start: keeper, args: [a]")
        == "f:1:78: `keeper` takes 2 arguments (text; a whole number, "
           "-2,147,483,648 to 2,147,483,647), and gets 1");
  CHECK(dynamic("start: session, args: [1, 2]")
        == "f:1:79: argument 2 of `session` is a caf::actor, which a file "
           "cannot give");
}

TEST_CASE("a start function gets the arguments of file and start") {
  world w{tree("supervisors: {t: {strategy: dynamic, children: [{id: n, start: "
               "note, args: [true, 1]}]}}")};
  noted.clear();
  REQUIRE(w.start_one(std::uint64_t{2}, 3.5, std::string{"four"},
                      std::chrono::milliseconds{5}));
  CHECK(noted == "1 1 2 3.5 four 5 ");
}

TEST_CASE("all mistakes of a file are told at once, each at its place") {
  CHECK(
    mistakes(R"(supervisors:
  1st: {}
  t:
    strategy: one_for_two
    intensty: 3
    intensity: -1
    period: 0s
    auto_shutdown: [never]
    max_children: 0
    max_backoff: infinite
    jitter: 1.5
    log: loud
    children:
      - id: a
        start: idle
        shutdown: kill
        significant: maybe
        restart: allways
        type:
      - start: idle
        args: {a: 1}
      - id: b
        supervisor: {children: 3, strateg: dynamic}
        args: [1]
        start: idle
      - idle
      - id: ''
      - id: c
        start: idle
        pool: 1st
        timeout: 0s
      - id: d
        start: idle
        timeout: 1s
      - {id: e, start: idle, args: [], args: []}
      - {id: f, start: note_many, args: [[], {a: 1, a: 2}, {}]}
  u: [a]
)")
    == "f:2:3: `1st` is not a name of a supervisor: a letter, then letters, "
       "digits, _ and -, at most 63\n"
       "f:4:15: `strategy`: `one_for_two` is not one of its values: did you "
       "mean `one_for_one`?\n"
       "f:5:5: unknown key `intensty`: did you mean `intensity`?\n"
       "f:6:16: `intensity`: `-1` is not a whole number\n"
       "f:7:13: `period`: `0s` is out of range: 1ns to infinite\n"
       "f:8:20: `auto_shutdown` must be a single value, not a list\n"
       "f:9:19: `max_children`: `0` is out of range: at least 1\n"
       "f:10:18: `max_backoff`: `infinite` is out of range: 0s to 36500d\n"
       "f:11:13: `jitter`: `1.5` is not a number from 0 to 1\n"
       "f:12:10: `log`: `loud` is not a level: known are trace, debug, "
       "info, warn, error, off\n"
       "f:16:19: `shutdown`: `kill` is no time span: write e.g. 30s, "
       "`infinite` or `brutal_kill`\n"
       "f:17:22: `significant`: `maybe` is neither `true` nor `false`\n"
       "f:18:18: `restart`: `allways` is not one of its values: known are "
       "permanent, transient, temporary\n"
       "f:19:9: `type` has no value\n"
       "f:21:15: `args` must be a list, not a map\n"
       "f:20:9: the child has no `id`\n"
       "f:25:16: `start` is not for a child that is a supervisor\n"
       "f:24:15: `args` is not for a child that is a supervisor\n"
       "f:23:32: `children` must be a list of maps, not a single value\n"
       "f:23:35: unknown key `strateg`: did you mean `strategy`?\n"
       "f:26:9: a child must be a map of keys and values, not a single "
       "value\n"
       "f:27:13: `id` is empty\n"
       "f:30:15: `1st` is not a name of a pool: a letter, then letters, "
       "digits, _ and -, at most 63\n"
       "f:31:18: `timeout`: `0s` is out of range: 1ns to infinite\n"
       "f:34:18: `timeout` is for placing a child on a pool, and there is no "
       "`pool`\n"
       "f:35:40: `args` is there twice, first in line 35\n"
       "f:36:53: `a` is there twice, first in line 36\n"
       "f:37:6: supervisor `u` must be a map of keys and values, not a "
       "list");
}

TEST_CASE("what the program does not have is told, at its place") {
  CHECK(
    mistakes(R"(pools: {web: }
supervisors:
  t:
    children:
      - id: stroe
      - id: a
        start: camera
      - id: b
        start: idle
        pool: ffmpg
      - id: c
        start: local
        pool: web
      - id: d
        start: note
        args: [true]
        pool: web
      - id: e
        supervisor:
          children: [{id: f, start: store, args: [a, 256], pool: mars}]
)")
    == "f:5:13: no child is registered as `stroe`: did you mean `store`? "
       "Registered are idle, keeper, local, note, note_many, session, "
       "store\n"
       "f:7:16: no child is registered as `camera`: registered are idle, "
       "keeper, local, note, note_many, session, store\n"
       "f:10:15: there is no pool `ffmpg`: did you mean `ffmpeg`?\n"
       "f:13:15: `local` cannot be placed on a pool: it is a start "
       "function, or captures or takes what cannot travel\n"
       "f:17:15: `note` cannot be placed on a pool: it is a start function, "
       "or captures or takes what cannot travel\n"
       "f:16:15: `note` takes 6 arguments (true or false; a whole number, "
       "-128 to 127; a whole number, 0 to 18,446,744,073,709,551,615; a "
       "number; text; a time span), and gets 1\n"
       "f:20:66: there is no pool `mars`: known are ffmpeg, web\n"
       "f:20:54: argument 2 of `store` (a whole number, 0 to 255): `256` is "
       "out of range");
  CHECK(mistakes("supervisors: {t: {children: [{id: a}]}}", {})
        == "f:1:35: no child is registered as `a`: the program registers none, "
           "see node_options::children");
  flame::node_options without_pools;
  without_pools.children.add("idle", idle);
  CHECK(mistakes("supervisors: {t: {children: [{id: idle, pool: p}]}}",
                 without_pools)
        == "f:1:47: there is no pool `p`: add it to `pools`, or to "
           "node_options::pools");
}

TEST_CASE("what contradicts itself is told, at its place") {
  CHECK(
    mistakes(R"(supervisors:
  t:
    min_backoff: 31s
    children:
      - id: a
        start: idle
        significant: true
      - id: a
        start: idle
  u:
    min_backoff: 2s
    max_backoff: 1s
    auto_shutdown: all_significant
    children:
      - {id: a, start: idle, significant: true}
      - id: b
        supervisor:
          strategy: dynamic
  v:
    strategy: dynamic
    children:
      - {id: a, start: idle}
      - {id: b, start: idle}
)")
    == "f:3:18: supervisor `t`: max_backoff is less than min_backoff\n"
       "f:7:22: child `a`: significant needs an auto_shutdown of the "
       "supervisor\n"
       "f:7:22: child `a`: a permanent child is never significant, as it "
       "does not end\n"
       "f:8:13: child `a`: there are two of this id\n"
       "f:18:21: supervisor `u/b`: a dynamic supervisor has one child, from "
       "which the others are made, and not 0\n"
       "f:12:18: supervisor `u`: max_backoff is less than min_backoff\n"
       "f:15:43: child `a`: a permanent child is never significant, as it "
       "does not end\n"
       "f:21:5: supervisor `v`: a dynamic supervisor has one child, from "
       "which the others are made, and not 2");
}

TEST_CASE("a tree with a mistake is not started, and all of them are told") {
  auto why = [](const std::string& yaml, const std::string& name) {
    try {
      tree(yaml, name);
    } catch (const flame::call_error& error) {
      CHECK(error.code() == errc::invalid_configuration);
      std::string text = error.what();
      auto colon = text.find("yaml:");
      return colon == std::string::npos ? text : text.substr(colon + 5);
    }
    return std::string{"no mistake"};
  };
  auto yaml = "supervisors: {top: {children: [{id: idle}]}, "
              "bad: {children: [{id: a}, {id: b}]}}";
  CHECK(why(yaml, "top") == "no mistake");
  CHECK(why(yaml, "bad").starts_with("1:68: no child is registered as `a`"));
  CHECK(why(yaml, "bad").find("1:77: no child is registered as `b`")
        != std::string::npos);
  CHECK(why(yaml, "tpo")
        == "the configuration has no supervisor `tpo`: did you mean `top`?");
  CHECK(why("pools: {}", "top")
        == "the configuration has no supervisor `top`: its file has no "
           "`supervisors`");
}

TEST_CASE("what is printed of trees is all that is in force, and reads back") {
  auto first = printed(whole_tree);
  CHECK(settings_in(first) == R"(supervisors:
  t:
    strategy: rest_for_one
    intensity: 3
    period: 10s
    auto_shutdown: any_significant
    max_children: 100
    min_backoff: 100ms
    max_backoff: 1min
    backoff_reset: 5min
    jitter: 0.25
    log: warn
    children:
      - id: "main store"
        start: store
        args: [/var/lib/app, 4]
        restart: permanent
        shutdown: 5s
        significant: false
        type: worker
      - id: idle
        start: idle
        pool: ffmpeg
        timeout: 10s
        restart: transient
        shutdown: 30s
        significant: true
        type: worker
      - id: watchers
        restart: temporary
        shutdown: infinite
        significant: false
        type: supervisor
        supervisor:
          strategy: one_for_all
          intensity: 1
          period: 5s
          auto_shutdown: never
          max_children: 18446744073709551615
          min_backoff: 0s
          max_backoff: 30s
          backoff_reset: 30s
          jitter: 0.2
          log: info
          children:
            - id: a
              start: idle
              restart: permanent
              shutdown: brutal_kill
              significant: false
              type: supervisor
            - id: b
              start: idle
              restart: permanent
              shutdown: infinite
              significant: false
              type: worker
  u:
    strategy: one_for_one
    intensity: 1
    period: 5s
    auto_shutdown: never
    max_children: 18446744073709551615
    min_backoff: 0s
    max_backoff: 30s
    backoff_reset: 30s
    jitter: 0.2
    log: info
    children: []
)");
  CHECK(settings_in(printed(first)) == settings_in(first));
  CHECK(first.find("# file f:4\n") != std::string::npos);
}

TEST_CASE("arguments are printed so that they read back as they are") {
  auto first = printed(R"(supervisors:
  t:
    children:
      - {id: 'a: b', start: x, args: [-1, '', null, 'null', "a\nb", '${SHARDS}',
         $$x, [], [[1]], {}, {'k k': {a: [1]}}, 'it''s # "so"']}
)");
  CHECK(
    settings_in(first).find(
      R"(args: ["-1", "", null, "null", "a\x0ab", 7, "$$x", [], [[1]], {}, {"k k": {a: [1]}}, "it's # \"so\""])")
    != std::string::npos);
  CHECK(settings_in(printed(first)) == settings_in(first));
}

TEST_CASE("aliases cannot make a small file into an endless tree") {
  // 2^40 children, or as many values.
  std::string trees = "supervisors:\n  t0: &t0 {children: [{id: a}]}\n";
  std::string values = "supervisors:\n  t:\n    children:\n"
                       "      - {id: a0, args: &a0 [x]}\n";
  std::string deep = trees;
  for (int i = 1; i <= 40; ++i) {
    auto now = std::to_string(i);
    auto before = std::to_string(i - 1);
    trees += "  t" + now + ": &t" + now + " {children: [{id: a, supervisor: *t"
             + before + "}, {id: b, supervisor: *t" + before + "}]}\n";
    deep += "  t" + now + ": &t" + now + " {children: [{id: a, supervisor: *t"
            + before + "}]}\n";
    values += "      - {id: a" + now + ", args: &a" + now + " [*a" + before
              + ", *a" + before + "]}\n";
  }
  auto has = [](const std::string& yaml, const char* part) {
    return mistakes(yaml).find(part) != std::string::npos;
  };
  CHECK(has(trees, "the file has more than 10,000 children"));
  CHECK(has(deep, "supervisors are nested more than 32 deep"));
  CHECK(has(values, "the arguments in the file are more than 100,000 values"));
}

TEST_CASE("a configuration tells the names of its trees") {
  file_of file{whole_tree};
  CHECK(flame::configuration::load(file.source()).supervisor_names()
        == std::vector<std::string>{"t", "u"});
  CHECK(flame::configuration{}.supervisor_names().empty());
}

} // namespace
