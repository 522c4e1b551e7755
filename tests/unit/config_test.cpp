#include "flame/config.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>
#include <sstream>

#include <doctest/doctest.h>

#include <unistd.h>

#include "flame/error.hpp"

#ifndef FLAME_CONFIG_DIRECTORY
#define FLAME_CONFIG_DIRECTORY "config"
#endif

namespace fs = std::filesystem;

using namespace std::chrono_literals;

namespace {

using environment = std::map<std::string, std::string>;
using flags = std::vector<std::pair<std::string, std::string>>;

class temporary_directory {
public:
  temporary_directory() {
    auto pattern = (fs::temp_directory_path() / "flame-config-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }

  ~temporary_directory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }

  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;

  std::string path(const std::string& name) const {
    return (path_ / name).string();
  }

  std::string write(const std::string& text,
                    const std::string& name = "f.yaml") const {
    std::ofstream out{path(name), std::ios::binary};
    out << text;
    return path(name);
  }

private:
  fs::path path_;
};

std::string replaced(std::string text, const std::string& what,
                     const std::string& with) {
  for (auto at = text.find(what); at != std::string::npos;
       at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
  return text;
}

flame::configuration load(const std::string& yaml, environment variables = {},
                          flags overrides = {}) {
  temporary_directory directory;
  return flame::configuration::load({.file = directory.write(yaml),
                                     .environment = std::move(variables),
                                     .flags = std::move(overrides)});
}

flame::configuration load_without_file(environment variables,
                                       flags overrides = {}) {
  return flame::configuration::load(
    {.environment = std::move(variables), .flags = std::move(overrides)});
}

template <class F>
std::string mistake_of(F f) {
  try {
    f();
  } catch (const flame::call_error& error) {
    CHECK(error.code() == flame::errc::invalid_configuration);
    return error.what();
  }
  return "no mistake";
}

// What `load` says of a file, with the path as `f.yaml`.
std::string mistakes(const std::string& yaml, environment variables = {},
                     flags overrides = {}) {
  temporary_directory directory;
  auto text = mistake_of([&] {
    flame::configuration::load({.file = directory.write(yaml),
                                .environment = std::move(variables),
                                .flags = std::move(overrides)});
  });
  return replaced(text, directory.path("f.yaml"), "f.yaml");
}

std::string mistakes_without_file(environment variables, flags overrides = {}) {
  return mistake_of([&] {
    load_without_file(std::move(variables), std::move(overrides));
  });
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string line_with(const std::string& text, const std::string& part) {
  std::istringstream lines{text};
  for (std::string line; std::getline(lines, line);)
    if (contains(line, part))
      return line;
  return "no line with " + part;
}

std::string read_text(const fs::path& path) {
  std::ifstream in{path, std::ios::binary};
  REQUIRE(in.good());
  return {std::istreambuf_iterator<char>{in}, {}};
}

fs::path shipped(const std::string& name) {
  return fs::path{FLAME_CONFIG_DIRECTORY} / name;
}

flame::command_line parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "program");
  return flame::parse_command_line(static_cast<int>(arguments.size()),
                                   arguments.data());
}

std::string command_line_mistake(std::vector<const char*> arguments) {
  return mistake_of([&] {
    parse(std::move(arguments));
  });
}

const std::string plain_keys =
  "min, max, max_concurrency, single_use, max_queue, timeout, boot_timeout, "
  "shutdown_timeout, stop_grace, drain_timeout, idle_shutdown_after, "
  "min_idle_shutdown_after, track_resources, max_message, backend, isolation, "
  "memory_limit, max_calls_per_worker, ";

const std::string keys_of_files =
  plain_keys + "retry, heartbeat, allow_different_builds, log";

const std::string keys_of_variables =
  plain_keys
  + "retry.attempts, retry.backoff, retry.jitter, retry.on, "
    "heartbeat.interval, heartbeat.tolerance, allow_different_builds, log";

} // namespace

TEST_SUITE("configuration") {

  TEST_CASE("time spans are read with their unit") {
    CHECK(flame::parse_duration("7ns") == 7ns);
    CHECK(flame::parse_duration("7us") == 7us);
    CHECK(flame::parse_duration("250ms") == 250ms);
    CHECK(flame::parse_duration("30s") == 30s);
    CHECK(flame::parse_duration("5min") == 5min);
    CHECK(flame::parse_duration("2h") == 2h);
    CHECK(flame::parse_duration("1d") == 24h);
    CHECK(flame::parse_duration("1.5s") == 1500ms);
    CHECK(flame::parse_duration("0.1s") == 100ms);
    CHECK(flame::parse_duration("0.000000001s") == 1ns);
    CHECK(flame::parse_duration("0.123456789d") == 10'666'666'569'600ns);
    CHECK(flame::parse_duration(" 30 s ") == 30s);
    CHECK(flame::parse_duration("0s") == 0s);
    CHECK(flame::parse_duration("infinite") == flame::infinite);
  }

  TEST_CASE("a time span that is none is refused with what to write") {
    auto mistake = [](std::string_view text) {
      return mistake_of([&] {
        flame::parse_duration(text);
      });
    };
    CHECK(mistake("30")
          == "`30` has no unit: write e.g. 30s; units are ns, us, "
             "ms, s, min, h, d");
    CHECK(mistake("30sec")
          == "`sec` is not a unit of time: use ns, us, ms, s, min, h or d");
    CHECK(mistake("-1s") == "`-1s` is negative");
    CHECK(mistake("soon")
          == "`soon` is not a time span: write e.g. 30s or `infinite`");
    CHECK(mistake("").starts_with("`` is not a time span"));
    CHECK(mistake("1.s") == "`1.s` has no digit after the point");
    CHECK(mistake("1.5ns") == "`1.5ns` is not a whole number of nanoseconds");
    CHECK(mistake("1.0000000001s")
          == "`1.0000000001s` has more than 9 digits after the point");
    CHECK(mistake("200000d").starts_with("`200000d` is too long"));
    CHECK(mistake("99999999999999999999s")
          == "`99999999999999999999s` is too large");
    CHECK(mistake("9223372036854775807ns")
          == "`9223372036854775807ns` is too long: write `infinite`");
    CHECK(mistake("18446744073709551615d")
          == "`18446744073709551615d` is too large");
  }

  TEST_CASE("sizes are read with binary, decimal and without units") {
    CHECK(flame::parse_size("1024") == 1024);
    CHECK(flame::parse_size("12B") == 12);
    CHECK(flame::parse_size("1kB") == 1000);
    CHECK(flame::parse_size("1KiB") == 1024);
    CHECK(flame::parse_size("64MiB") == std::size_t{64} << 20);
    CHECK(flame::parse_size("64MB") == 64'000'000);
    CHECK(flame::parse_size("1.5GiB") == std::size_t{3} << 29);
    CHECK(flame::parse_size("1TiB") == std::size_t{1} << 40);
  }

  TEST_CASE("a size that is none is refused with what to write") {
    auto mistake = [](std::string_view text) {
      return mistake_of([&] {
        flame::parse_size(text);
      });
    };
    CHECK(mistake("64mib")
          == "`mib` is not a unit of size: use B, KiB, MiB, GiB, "
             "TiB or kB, MB, GB, TB");
    CHECK(mistake("big") == "`big` is not a size: write e.g. 64MiB");
    CHECK(mistake("0.5") == "`0.5` is not a whole number of bytes");
    CHECK(mistake("99999999999TiB") == "`99999999999TiB` is too large");
  }

  TEST_CASE("a text in several lines keeps its last line break") {
    auto config = load("pools:\n  a:\n    backend:\n      pem: |\n"
                       "        x\n        y\n");
    CHECK(config.pool("a").backend.settings.at("pem") == "x\ny\n");
  }

  TEST_CASE("what is formatted is short and reads back as the same value") {
    CHECK(flame::format_duration(30s) == "30s");
    CHECK(flame::format_duration(90s) == "90s");
    CHECK(flame::format_duration(120s) == "2min");
    CHECK(flame::format_duration(48h) == "2d");
    CHECK(flame::format_duration(1500ms) == "1500ms");
    CHECK(flame::format_duration(0s) == "0s");
    CHECK(flame::format_duration(flame::infinite) == "infinite");
    CHECK(flame::format_size(std::size_t{1} << 30) == "1GiB");
    CHECK(flame::format_size(1000) == "1000");
    CHECK(flame::format_size(0) == "0");
    std::mt19937_64 random{7};
    for (int i = 0; i < 1000; ++i) {
      auto value = random() >> (1 + random() % 62);
      CHECK(flame::parse_size(flame::format_size(value)) == value);
      auto time = flame::duration{static_cast<flame::duration::rep>(value)};
      CHECK(flame::parse_duration(flame::format_duration(time)) == time);
    }
  }

  TEST_CASE("every option of a pool is read from a file") {
    auto config = load(R"(
node:
  name: studio
  scheduler_threads: 3
  log: debug
pools:
  ffmpeg:
    min: 1
    max: 10
    max_concurrency: 1
    single_use: true
    max_queue: 1000
    timeout: 60s
    boot_timeout: 20s
    shutdown_timeout: 10s
    stop_grace: 2s
    drain_timeout: 1min
    idle_shutdown_after: infinite
    min_idle_shutdown_after: 1h
    track_resources: true
    max_message: 256MiB
    backend: {name: process, executable: /usr/bin/x}
    isolation: process
    memory_limit: 512MiB
    max_calls_per_worker: 100
    allow_different_builds: true
    log: off
)");
    CHECK(config.node()
          == flame::node_settings{
            .name = "studio", .scheduler_threads = 3, .log = "debug"});
    CHECK(config.pool("ffmpeg")
          == flame::pool_options{
            .min = 1,
            .max = 10,
            .max_concurrency = 1,
            .single_use = true,
            .max_queue = 1000,
            .timeout = 60s,
            .boot_timeout = 20s,
            .shutdown_timeout = 10s,
            .stop_grace = 2s,
            .drain_timeout = 60s,
            .idle_shutdown_after = flame::infinite,
            .min_idle_shutdown_after = 1h,
            .track_resources = true,
            .max_message = std::size_t{256} << 20,
            .backend = {"process", {{"executable", "/usr/bin/x"}}},
            .isolation = flame::isolation::process,
            .memory_limit = std::size_t{512} << 20,
            .max_calls_per_worker = 100,
            .allow_different_builds = true,
            .log = "off"});
    CHECK(config.pool_names() == std::vector<std::string>{"ffmpeg"});
    CHECK(config.has_pool("ffmpeg"));
    CHECK_FALSE(config.has_pool("other"));
  }

  TEST_CASE("without any source all is as the program has it") {
    auto config = load_without_file({});
    CHECK(config.node() == flame::node_settings{});
    CHECK(config.pool_names().empty());
    CHECK(config.pool("any") == flame::pool_options{});
    CHECK(config.pool("any", {.min = 2, .max = 7})
          == flame::pool_options{.min = 2, .max = 7});
    CHECK(flame::configuration{}.pool("any") == flame::pool_options{});
  }

  TEST_CASE("empty files, empty sections and empty pools give defaults") {
    for (auto text : {"", "\n", "# nothing\n", "---\n", "{}", "node:\npools:\n",
                      "pools: {}\n", "~"})
      CHECK(load(text).pool_names().empty());
    auto config = load("pools:\n  a:\n  b: {}\n");
    CHECK(config.pool_names() == std::vector<std::string>{"a", "b"});
    CHECK(config.pool("a") == flame::pool_options{});
  }

  TEST_CASE("a flag overrides a variable, that the file, that the program") {
    flame::pool_options code{.max = 5, .max_concurrency = 5, .max_queue = 5};
    auto file = "pools:\n  p:\n    max_concurrency: 6\n    max_queue: 6\n"
                "    timeout: 6s\n    log: warn\n";
    environment variables{{"FLAME_POOLS_P_MAX_QUEUE", "7"},
                          {"FLAME_POOLS_P_TIMEOUT", "7s"}};
    auto config = load(file, variables, {{"pools.p.timeout", "8s"}});
    auto pool = config.pool("p", code);
    CHECK(pool.min == 0);
    CHECK(pool.max == 5);
    CHECK(pool.max_concurrency == 6);
    CHECK(pool.max_queue == 7);
    CHECK(pool.timeout == 8s);
    CHECK(config.origin_of("p", "min", code) == flame::origin::standard);
    CHECK(config.origin_of("p", "max", code) == flame::origin::code);
    CHECK(config.origin_of("p", "max_concurrency", code)
          == flame::origin::file);
    CHECK(config.origin_of("p", "max_queue", code)
          == flame::origin::environment);
    CHECK(config.origin_of("p", "timeout", code) == flame::origin::flag);
  }

  TEST_CASE("of a flag given twice the last one counts") {
    auto config =
      load_without_file({}, {{"pools.p.max", "2"}, {"pools.p.max", "3"}});
    CHECK(config.pool("p").max == 3);
  }

  TEST_CASE("settings of the node have the same precedence") {
    auto config =
      load("node: {name: a, log: warn, scheduler_threads: 1}",
           {{"FLAME_NODE_LOG", "error"}, {"FLAME_NODE_SCHEDULER_THREADS", "2"}},
           {{"node.scheduler_threads", "3"}});
    CHECK(config.node()
          == flame::node_settings{
            .name = "a", .scheduler_threads = 3, .log = "error"});
  }

  TEST_CASE("settings of a backend are merged, those of another dropped") {
    flame::pool_options code{.backend = {"docker", {{"image", "a"}}}};
    auto same = load("pools: {p: {backend: {name: docker, network: n}}}");
    CHECK(
      same.pool("p", code).backend
      == flame::backend_options{"docker", {{"image", "a"}, {"network", "n"}}});
    auto unnamed = load("pools: {p: {backend: {image: b}}}");
    CHECK(unnamed.pool("p", code).backend
          == flame::backend_options{"docker", {{"image", "b"}}});
    auto other = load("pools: {p: {backend: {name: docker, network: n}}}",
                      {{"FLAME_POOLS_P_BACKEND", "process"}},
                      {{"pools.p.backend.executable", "/x"}});
    CHECK(other.pool("p", code).backend
          == flame::backend_options{"process", {{"executable", "/x"}}});
    CHECK(other.origin_of("p", "backend.executable") == flame::origin::flag);
    CHECK(other.origin_of("p", "backend.network") == flame::origin::standard);
  }

  TEST_CASE("a variable alone makes a pool of its name in lower case") {
    auto config = load_without_file({{"FLAME_POOLS_BIG_JOBS_MAX_QUEUE", "9"}});
    CHECK(config.pool_names() == std::vector<std::string>{"big_jobs"});
    CHECK(config.has_pool("big_jobs"));
    CHECK(config.pool("big_jobs").max_queue == 9);
  }

  TEST_CASE("a variable reaches a pool whose name it cannot spell") {
    auto config =
      load("pools: {Big-Jobs: }", {{"FLAME_POOLS_BIG_JOBS_MAX", "9"}});
    CHECK(config.pool_names() == std::vector<std::string>{"Big-Jobs"});
    CHECK(config.pool("Big-Jobs").max == 9);
    auto in_code = load_without_file({{"FLAME_POOLS_BIG_JOBS_MAX", "9"}});
    CHECK(in_code.has_pool("Big-Jobs"));
    CHECK(in_code.pool("Big-Jobs", {.max = 3}).max == 9);
  }

  TEST_CASE("a variable means the longest key, unless another pool has it") {
    environment variables{{"FLAME_POOLS_A_SHUTDOWN_TIMEOUT", "9s"}};
    auto longest = load_without_file(variables);
    CHECK(longest.pool_names() == std::vector<std::string>{"a"});
    CHECK(longest.pool("a").shutdown_timeout == 9s);
    auto known = load("pools: {a_shutdown: }", variables);
    CHECK(known.pool_names() == std::vector<std::string>{"a_shutdown"});
    CHECK(known.pool("a_shutdown").timeout == 9s);
    auto both = load("pools: {a_shutdown: , a: }", variables);
    CHECK(both.pool("a").shutdown_timeout == 9s);
    CHECK(both.pool("a_shutdown").timeout == 30s);
    auto key_only = load_without_file({{"FLAME_POOLS_BOOT_TIMEOUT", "9s"}});
    CHECK(key_only.pool("boot").timeout == 9s);
  }

  TEST_CASE("other variables are left alone") {
    CHECK(load_without_file({{"FLAME_TOKEN", "x"},
                             {"FLAME_POOL", "x"},
                             {"FLAME", "x"},
                             {"PATH", "x"}})
            .pool_names()
            .empty());
  }

  TEST_CASE("FLAME_CONFIG names the file where no flag does") {
    temporary_directory directory;
    auto one = directory.write("node: {name: one}", "one.yaml");
    auto two = directory.write("node: {name: two}", "two.yaml");
    CHECK(load_without_file({{"FLAME_CONFIG", one}}).node().name == "one");
    CHECK(flame::configuration::load(
            {.file = two, .environment = environment{{"FLAME_CONFIG", one}}})
            .node()
            .name
          == "two");
    CHECK(load_without_file({{"FLAME_CONFIG", ""}}).node().name == "flame");
  }

  TEST_CASE("the process's environment is read where none is given") {
    REQUIRE(setenv("FLAME_POOLS_FROM_PROCESS_MAX", "17", 1) == 0);
    auto config = flame::configuration::load();
    unsetenv("FLAME_POOLS_FROM_PROCESS_MAX");
    CHECK(config.pool("from_process").max == 17);
  }

  TEST_CASE("a file that cannot be read is told with the reason") {
    temporary_directory directory;
    auto missing = directory.path("missing.yaml");
    CHECK(mistakes_without_file({{"FLAME_CONFIG", missing}})
          == missing
               + ": cannot be read: No such file or directory (named by "
                 "FLAME_CONFIG)");
    auto mistake = [](const std::string& path) {
      return mistake_of([&] {
        flame::configuration::load(
          {.file = path, .environment = environment{}});
      });
    };
    CHECK(mistake(directory.path(""))
          == directory.path("")
               + ": cannot be read: Is a directory (named by --config)");
    CHECK(mistake("")
          == ": cannot be read: No such file or directory (named by --config)");
    auto large = directory.write(std::string((1 << 20) + 1, '\n'), "large");
    CHECK(mistake(large)
          == large
               + ": cannot be read: it is longer than 1MiB (named by "
                 "--config)");
    if (geteuid() != 0) {
      auto closed = directory.write("", "closed");
      fs::permissions(closed, fs::perms::none);
      CHECK(mistake(closed)
            == closed
                 + ": cannot be read: Permission denied (named by --config)");
    }
  }

  TEST_CASE("an unknown key is told with the nearest one") {
    CHECK(mistakes("pools:\n  a:\n    max_concurency: 3\n")
          == "f.yaml:3:5: unknown key `max_concurency`: did you mean "
             "`max_concurrency`?");
    CHECK(mistakes("pools:\n  a:\n    concurrency: 3\n")
          == "f.yaml:3:5: unknown key `concurrency`: did you mean "
             "`max_concurrency`?");
    CHECK(mistakes("pools:\n  a:\n    maxQueue: 3\n")
          == "f.yaml:3:5: unknown key `maxQueue`: did you mean `max_queue`?");
    CHECK(mistakes("pools:\n  a: {xam: 3}\n")
          == "f.yaml:2:7: unknown key `xam`: known are " + keys_of_files);
    CHECK(
      mistakes("pools:\n  a:\n    backend.image: x\n")
      == "f.yaml:3:5: unknown key `backend.image`: did you mean `backend`?");
    CHECK(mistakes("node:\n  nmae: x\n")
          == "f.yaml:2:3: unknown key `nmae`: did you mean `name`?");
    CHECK(mistakes("pool:\n  a:\n")
          == "f.yaml:1:1: unknown key `pool`: did you mean `pools`?");
    CHECK(
      mistakes("zebra: 1\n")
      == "f.yaml:1:1: unknown key `zebra`: known are node, pools, supervisors");
  }

  TEST_CASE("all mistakes of all sources are told at once") {
    CHECK(
      mistakes("node:\n  log: loud\npools:\n  a:\n    max: 0\n    mim: 1\n",
               {{"FLAME_POOLS_A_TIMEOUT", "5"}},
               {{"pools.a.max_queue", "many"}})
      == "f.yaml:2:8: `log`: `loud` is not a level: known are trace, debug, "
         "info, warn, error, off\n"
         "f.yaml:5:10: `max`: `0` is out of range: 1 to 10,000\n"
         "f.yaml:6:5: unknown key `mim`: did you mean `min`?\n"
         "--pools.a.max_queue: `max_queue`: `many` is not a whole number\n"
         "FLAME_POOLS_A_TIMEOUT: `timeout`: `5` has no unit: write e.g. 5s; "
         "units are ns, us, ms, s, min, h, d");
  }

  TEST_CASE("a value of the wrong kind is told where it stands") {
    CHECK(mistakes("pools:\n  a:\n    max: [1, 2]\n")
          == "f.yaml:3:10: `max` must be a single value, not a list");
    CHECK(mistakes("pools:\n  a:\n    max:\n      x: 1\n")
          == "f.yaml:4:7: `max` must be a single value, not a map");
    CHECK(mistakes("pools:\n  a:\n    max:\n    min: 0\n")
          == "f.yaml:3:5: `max` has no value");
    CHECK(mistakes("pools:\n  a:\n    max: ''\n")
          == "f.yaml:3:10: `max`: has no value: 1 to 10,000");
    CHECK(
      mistakes("pools:\n  - a\n")
      == "f.yaml:2:3: `pools` must be a map of keys and values, not a list");
    CHECK(mistakes("pools:\n  a: 3\n")
          == "f.yaml:2:6: pool `a` must be a map of keys and values, not a "
             "single value");
    CHECK(
      mistakes("node: x\n")
      == "f.yaml:1:7: `node` must be a map of keys and values, not a single "
         "value");
    CHECK(mistakes("hello\n")
          == "f.yaml:1:1: the file must be a map of keys and values, not a "
             "single value");
    CHECK(mistakes("pools:\n  [a]: {}\n")
          == "f.yaml:2:3: a key must be a single word, not a list");
    CHECK(mistakes("pools:\n  a:\n    backend:\n      - process\n")
          == "f.yaml:4:7: `backend` must be a single value, not a list");
    CHECK(mistakes("pools:\n  a:\n    backend:\n      ports: [1]\n")
          == "f.yaml:4:14: `ports` must be a single value, not a list");
    CHECK(
      mistakes("pools:\n  a:\n    backend: {a b: 1}\n")
      == "f.yaml:3:15: `a b` cannot be a key of a backend: letters, digits, "
         "_, -, . and /, at most 255");
  }

  TEST_CASE("a value out of range is told with the range") {
    auto mistake = [](const std::string& setting) {
      return mistakes("pools:\n  a:\n    " + setting + "\n");
    };
    CHECK(mistake("max: 10001")
          == "f.yaml:3:10: `max`: `10001` is out of range: 1 to 10,000");
    CHECK(mistake("max_queue: 0")
          == "f.yaml:3:16: `max_queue`: `0` is out of range: at least 1");
    CHECK(mistake("timeout: 0s")
          == "f.yaml:3:14: `timeout`: `0s` is out of range: 1ns to infinite");
    CHECK(
      mistake("max_message: 1000")
      == "f.yaml:3:18: `max_message`: `1000` is out of range: 1KiB to 64GiB");
    CHECK(mistake("max: -1")
          == "f.yaml:3:10: `max`: `-1` is not a whole number");
    CHECK(mistake("max: 1.5")
          == "f.yaml:3:10: `max`: `1.5` is not a whole number");
    CHECK(mistake("max: 99999999999999999999")
          == "f.yaml:3:10: `max`: `99999999999999999999` is too large");
    CHECK(mistake("timeout: 30")
          == "f.yaml:3:14: `timeout`: `30` has no unit: write e.g. 30s; units "
             "are ns, us, ms, s, min, h, d");
    CHECK(mistake("log: warning")
          == "f.yaml:3:10: `log`: `warning` is not a level: did you mean "
             "`warn`?");
    CHECK(mistake("backend: a b")
          == "f.yaml:3:14: `backend`: `a b` is not a name: a letter, then "
             "letters, digits, _ and -, at most 63");
    CHECK(
      mistakes("node:\n  name: a b\n")
      == "f.yaml:2:9: `name`: `a b` is not a name: letters, digits, _, - and "
         "., at most 63");
    CHECK(mistakes("node: {scheduler_threads: 1025}\n")
          == "f.yaml:1:27: `scheduler_threads`: `1025` is out of range: 0 to "
             "1,024");
  }

  TEST_CASE("a pool of single_use has one slot, where nothing else is said") {
    auto config = load("pools: {a: {single_use: true}}");
    CHECK(config.pool("a").max_concurrency == 1);
    CHECK(contains(config.print(), "max_concurrency: 1"));
    CHECK(contains(config.print(), "# default with single_use"));
    CHECK(load("pools: {a: {single_use: false}}").pool("a").max_concurrency
          == 8);
    CHECK(load("pools: {a: {single_use: true, max_concurrency: 1}}")
            .pool("a")
            .single_use);
    CHECK(flame::configuration{}.pool("a", {.single_use = true}).max_concurrency
          == 1);
  }

  TEST_CASE("single_use with several slots is told at the one given last") {
    CHECK(mistakes("pools:\n  a:\n    single_use: true\n"
                   "    max_concurrency: 2\n")
          == "f.yaml:3:17: `single_use` runners have one slot, and "
             "`max_concurrency` is 2: leave it out");
    CHECK(mistakes("pools: {a: {single_use: true}}",
                   {{"FLAME_POOLS_A_MAX_CONCURRENCY", "2"}})
          == "FLAME_POOLS_A_MAX_CONCURRENCY: `single_use` runners have one "
             "slot, and `max_concurrency` is 2: leave it out");
    CHECK(contains(mistake_of([] {
                     flame::validate(
                       "a", {.max_concurrency = 2, .single_use = true});
                   }),
                   "`max_concurrency` is 2"));
  }

  TEST_CASE("isolation is thread or process and nothing else") {
    CHECK(mistakes("pools:\n  a: {isolation: fork}\n")
          == "f.yaml:2:18: `isolation`: `fork` is neither `thread` nor "
             "`process`");
  }

  TEST_CASE("a flag is true or false and nothing else") {
    CHECK(mistakes("pools: {a: {single_use: yes}}")
          == "f.yaml:1:25: `single_use`: `yes` is neither `true` nor `false`");
    CHECK(contains(flame::command_line_help(), "true or false; default false"));
  }

  TEST_CASE("hooks of the program stay when the configuration has its say") {
    auto config = load("pools: {a: {max: 3}}");
    int calls = 0;
    auto pool = config.pool("a", {.on_shrink = [&](const flame::runner_info&) {
                              ++calls;
                            }});
    CHECK(pool.max == 3);
    pool.on_shrink({});
    CHECK(calls == 1);
    CHECK(pool == flame::pool_options{.max = 3});
  }

  TEST_CASE("a key that is there twice is told at its second place") {
    CHECK(mistakes("pools:\n  a:\n    max: 1\n    min: 1\n    max: 2\n")
          == "f.yaml:5:5: `max` is there twice, first in line 3");
    CHECK(mistakes("pools:\n  a:\n    max: 1\n  a:\n    max: 2\n")
          == "f.yaml:4:3: `a` is there twice, first in line 2");
    CHECK(mistakes("node:\nnode:\n")
          == "f.yaml:2:1: `node` is there twice, first in line 1");
  }

  TEST_CASE("what is not YAML is told where it stops being so") {
    CHECK(mistakes("pools:\n  a: {max: 1\n")
          == "f.yaml:2:1: not YAML: end of map flow not found");
    CHECK(mistakes("a: b: c\n") == "f.yaml:1:5: not YAML: illegal map value");
    CHECK(mistakes("pools:\n\ta: 1\n")
          == "f.yaml:2:3: not YAML: illegal map value");
    CHECK(mistakes("node:\n  name: \"x\n  log: warn\n")
          == "f.yaml:3:12: not YAML: a quote is open at the end of the file");
    CHECK(mistakes("node:\n  name: 'x\n \n")
          == "f.yaml:2:11: not YAML: a quote is open at the end of the file");
    CHECK(mistakes("a: *nowhere\n").starts_with("f.yaml:1:4: not YAML: "));
    CHECK(mistakes("node: {}\n---\nnode: {}\n")
          == "f.yaml:2:1: the file must end here: it may have only one "
             "document");
    CHECK(contains(mistakes(std::string(20'000, '[')), "not YAML: "));
  }

  TEST_CASE("what an anchor names may stand in several pools") {
    auto config = load("pools:\n  a: &common\n    max: 7\n  b: *common\n");
    CHECK(config.pool("b").max == 7);
    CHECK(mistakes("pools:\n  a: &common\n    max: 0\n  b: *common\n")
          == "f.yaml:3:10: `max`: `0` is out of range: 1 to 10,000");
    CHECK(mistakes("pools:\n  a: &self\n    max: *self\n")
          == "f.yaml:3:10: an alias stands within what it names");
  }

  TEST_CASE("min above max is told at the one that was given last") {
    CHECK(mistakes("pools:\n  a:\n    max: 2\n    min: 3\n")
          == "f.yaml:4:10: `min` (3) is more than `max` (2)");
    CHECK(mistakes("pools: {a: {min: 3}}", {{"FLAME_POOLS_A_MAX", "2"}})
          == "FLAME_POOLS_A_MAX: `min` (3) is more than `max` (2)");
    CHECK(mistakes("pools: {a: {max: 2}}", {}, {{"pools.a.min", "3"}})
          == "--pools.a.min: `min` (3) is more than `max` (2)");
    // The program's own options are known only when the pool is asked for.
    temporary_directory directory;
    auto path = directory.write("pools:\n  a:\n    min: 5\n");
    auto config =
      flame::configuration::load({.file = path, .environment = environment{}});
    CHECK(config.pool("a", {.max = 5}).min == 5);
    CHECK(mistake_of([&] {
            config.pool("a");
          })
          == path + ":3:10: `min` (5) is more than `max` (4)");
    auto lowered = load("pools: {a: {max: 2}}");
    CHECK(contains(mistake_of([&] {
                     lowered.pool("a", {.min = 3});
                   }),
                   "f.yaml:1:18: `min` (3) is more than `max` (2)"));
  }

  TEST_CASE("options that the program gives are checked with the rest") {
    auto config = load_without_file({});
    flame::pool_options bad{.max = 0, .timeout = -1s, .log = "loud"};
    bad.backend.settings = {{"a b", "x"}, {"name", "y"}};
    CHECK(
      mistake_of([&] {
        config.pool("p", bad);
      })
      == "pool `p`: `max`: `0` is out of range: 1 to 10,000\n"
         "pool `p`: `timeout`: `-1s` is out of range: 1ns to infinite\n"
         "pool `p`: `log`: `loud` is not a level: known are trace, debug, "
         "info, warn, error, off\n"
         "pool `p`: `a b` cannot be a key of a backend: letters, digits, _, "
         "-, . and /, at most 255\n"
         "pool `p`: `name` cannot be a key of a backend: letters, digits, _, "
         "-, . and /, at most 255");
    CHECK(mistake_of([&] {
            flame::validate("p", bad);
          })
          == mistake_of([&] {
               config.pool("p", bad);
             }));
  }

  TEST_CASE("validate checks name and options of a pool") {
    flame::validate("ffmpeg", {});
    flame::validate("F-1_x", {.min = 10'000, .max = 10'000});
    flame::validate(std::string(63, 'a'), {.idle_shutdown_after = 0s});
    for (auto name : {"", "1a", "-a", "_a", "a b", "a.b", "\xc3\xa4"})
      CHECK(contains(mistake_of([&] {
                       flame::validate(name, {});
                     }),
                     "not a name of a pool: a letter"));
    CHECK(contains(mistake_of([] {
                     flame::validate(std::string(64, 'a'), {});
                   }),
                   "at most 63"));
    CHECK(mistake_of([] {
            flame::validate("p", {.min = 5});
          })
          == "pool `p`: `min` (5) is more than `max` (4)");
    CHECK(contains(mistake_of([] {
                     flame::validate("p", {.max_message = 1023});
                   }),
                   "`max_message`: `1023` is out of range: 1KiB to 64GiB"));
    CHECK(contains(mistake_of([] {
                     flame::validate(
                       "p", {.shutdown_timeout = flame::duration::min()});
                   }),
                   "`shutdown_timeout`"));
  }

  TEST_CASE("a name that no pool may have is told in every source") {
    CHECK(
      mistakes("pools:\n  1a: {}\n")
      == "f.yaml:2:3: `1a` is not a name of a pool: a letter, then letters, "
         "digits, _ and -, at most 63");
    CHECK(mistakes_without_file({{"FLAME_POOLS_1A_MAX", "3"}})
          == "FLAME_POOLS_1A_MAX: `1A` is not a name of a pool: upper case "
             "letters, then also digits and _, at most 63");
    CHECK(mistakes_without_file({{"FLAME_POOLS_a_MAX", "3"}})
            .starts_with("FLAME_POOLS_a_MAX: `a` is not a name of a pool"));
    CHECK(mistakes_without_file({}, {{"pools.1a.max", "3"}})
          == "--pools.1a.max: `1a` is not a name of a pool: a letter, then "
             "letters, digits, _ and -, at most 63");
  }

  TEST_CASE("pools that the environment cannot tell apart are a mistake") {
    CHECK(mistakes("pools:\n  z-1: {}\n  b: {}\n  Z_1: {}\n")
          == "f.yaml:4:3: pools `z-1` (f.yaml:2:3) and `Z_1` would both be "
             "FLAME_POOLS_Z_1_<KEY> in the environment: rename one");
    CHECK(
      mistakes("pools:\n  a-b: {}\n", {}, {{"pools.a_b.max", "1"}})
      == "--pools.a_b.max: pools `a-b` (f.yaml:2:3) and `a_b` would both be "
         "FLAME_POOLS_A_B_<KEY> in the environment: rename one");
  }

  TEST_CASE("a variable that fits no key is told with the nearest") {
    CHECK(
      mistakes_without_file({{"FLAME_POOLS_FFMPEG_MAX_CONCURENCY", "3"}})
      == "FLAME_POOLS_FFMPEG_MAX_CONCURENCY: is not an option of a pool: did "
         "you mean `FLAME_POOLS_FFMPEG_MAX_CONCURRENCY`?");
    CHECK(mistakes_without_file({{"FLAME_POOLS_FFMPEG_max", "3"}})
          == "FLAME_POOLS_FFMPEG_max: is not an option of a pool: did you mean "
             "`FLAME_POOLS_FFMPEG_MAX`?");
    CHECK(
      mistakes("pools: {big: }", {{"FLAME_POOLS_BIG_MAX_QEUE", "3"}})
      == "FLAME_POOLS_BIG_MAX_QEUE: is not an option of a pool: did you mean "
         "`FLAME_POOLS_BIG_MAX_QUEUE`?");
    for (auto name : {"FLAME_POOLS_", "FLAME_POOLS_MAX", "FLAME_POOLS_A_ZEBRA",
                      "FLAME_POOLS__MAX"})
      CHECK(mistakes_without_file({{name, "3"}})
            == std::string{name}
                 + ": is not an option of a pool: it must be "
                   "FLAME_POOLS_<NAME>_<KEY>, with a key of "
                 + keys_of_variables);
    CHECK(mistakes_without_file({{"FLAME_NODE_NAMES", "x"}})
          == "FLAME_NODE_NAMES: is not an option of the node: did you mean "
             "`FLAME_NODE_NAME`?");
    CHECK(mistakes_without_file({{"FLAME_NODE_ZEBRA", "x"}})
          == "FLAME_NODE_ZEBRA: is not an option of the node: known are name, "
             "scheduler_threads, log");
    CHECK(mistakes_without_file({{"FLAME_POOLS_A_MAX", ""}})
          == "FLAME_POOLS_A_MAX: `max`: has no value: 1 to 10,000");
    CHECK(mistakes_without_file({{"FLAME_BACKEND", "a b"}})
            .starts_with("FLAME_BACKEND: `a b` is not a name"));
  }

  TEST_CASE("a flag that fits no key is told") {
    auto mistake = [](const std::string& key) {
      return mistakes_without_file({}, {{key, "3"}});
    };
    CHECK(mistake("pools.a.mx")
          == "--pools.a.mx: unknown key `mx`: did you mean `max`?");
    CHECK(mistake("node.loq")
          == "--node.loq: unknown key `loq`: did you mean `log`?");
    CHECK(mistake("pools.a") == "--pools.a: must be --pools.NAME.KEY");
    CHECK(mistake("other")
          == "--other: must be --node.KEY or --pools.NAME.KEY");
    CHECK(
      mistake("pools.a.backend.").starts_with("--pools.a.backend.: `` cannot"));
  }

  TEST_CASE("variables are put into scalars of the file") {
    auto config = load("pools:\n"
                       "  ${POOL}:\n"
                       "    max: ${MAX}\n"
                       "    max_queue: ${QUEUE:-17}\n"
                       "    log: \"${EMPTY:-warn}\"\n"
                       "    backend:\n"
                       "      name: x\n"
                       "      a: $$${MAX}-$MAX-$\n"
                       "      b: '${EMPTY}'\n"
                       "      c: ${NOTHING:-}\n"
                       "      d: $${MAX}\n",
                       {{"MAX", "7"}, {"EMPTY", ""}, {"POOL", "p"}});
    auto pool = config.pool("p");
    CHECK(pool.max == 7);
    CHECK(pool.max_queue == 17);
    CHECK(pool.log == "warn");
    CHECK(pool.backend.settings
          == environment{
            {"a", "$7-$MAX-$"}, {"b", ""}, {"c", ""}, {"d", "${MAX}"}});
  }

  TEST_CASE("a variable that is not set is a mistake where it stands") {
    CHECK(
      mistakes("pools:\n  a:\n    max: ${NOT_SET}\n    mim: 1\n")
      == "f.yaml:3:10: environment variable `NOT_SET` is not set: set it, or "
         "write ${NOT_SET:-default}\n"
         "f.yaml:4:5: unknown key `mim`: did you mean `min`?");
    CHECK(mistakes("node:\n  name: ${X\n")
          == "f.yaml:2:9: ${ is not closed by }; write $$ for a dollar sign");
    CHECK(mistakes("node:\n  name: ${1 x}\n")
          == "f.yaml:2:9: `1 x` is not the name of a variable; write $$ for a "
             "dollar sign");
    CHECK(mistakes("node:\n  ${NOT_SET}: x\n").starts_with("f.yaml:2:3: "));
  }

  TEST_CASE("a mistake takes one line, whatever the file has in it") {
    auto text = mistakes("node:\n  \"a\\nb\\x07\": 1\n  log: \"x\\ny\"\n");
    CHECK(std::count(text.begin(), text.end(), '\n') == 1);
    CHECK(contains(text, "`a\\nb?`"));
    CHECK(mistakes("node: {log: " + std::string(500, 'x') + "}").size() < 300);
  }

  TEST_CASE("what is printed has all settings, each with its origin") {
    temporary_directory directory;
    auto path = directory.write("node:\n  name: studio\npools:\n  ffmpeg:\n"
                                "    max: 10\n    backend: {image: a}\n");
    auto config = flame::configuration::load(
      {.file = path,
       .environment = environment{{"FLAME_POOLS_FFMPEG_TIMEOUT", "60s"},
                                  {"FLAME_POOLS_MAIL_LOG", "off"},
                                  {"FLAME_POOLS_IN_CODE_MAX", "9"},
                                  {"FLAME_BACKEND", "process"}},
       .flags = {{"pools.ffmpeg.min", "1"}}});
    auto text =
      config.print({{"In-Code", {.max_queue = 5, .backend = "docker"}}});
    CHECK(replaced(text, path, "f.yaml") == R"(node:
  name: studio                          # file f.yaml:2
  scheduler_threads: 0                  # default
  log: info                             # default
pools:
  In-Code:
    min: 0                              # default
    max: 9                              # environment FLAME_POOLS_IN_CODE_MAX
    max_concurrency: 8                  # default
    single_use: false                   # default
    max_queue: 5                        # code
    timeout: 30s                        # default
    boot_timeout: 30s                   # default
    shutdown_timeout: 30s               # default
    stop_grace: 5s                      # default
    drain_timeout: 30s                  # default
    idle_shutdown_after: 30s            # default
    min_idle_shutdown_after: infinite   # default
    track_resources: false              # default
    max_message: 1GiB                   # default
    backend: docker                     # code
    isolation: thread                   # default
    memory_limit: 0                     # default
    max_calls_per_worker: 0             # default
    retry:
      attempts: 1                       # default
      backoff: 100ms                    # default
      jitter: 0.5                       # default
      on: [runner_lost, boot_failed, call_crashed] # default
    heartbeat:
      interval: 1s                      # default
      tolerance: 5s                     # default
    allow_different_builds: false       # default
    log: info                           # default
  ffmpeg:
    min: 1                              # flag --pools.ffmpeg.min
    max: 10                             # file f.yaml:5
    max_concurrency: 8                  # default
    single_use: false                   # default
    max_queue: 100000                   # default
    timeout: 1min                       # environment FLAME_POOLS_FFMPEG_TIMEOUT
    boot_timeout: 30s                   # default
    shutdown_timeout: 30s               # default
    stop_grace: 5s                      # default
    drain_timeout: 30s                  # default
    idle_shutdown_after: 30s            # default
    min_idle_shutdown_after: infinite   # default
    track_resources: false              # default
    max_message: 1GiB                   # default
    backend:
      name: process                     # environment FLAME_BACKEND
      image: a                          # file f.yaml:6
    isolation: thread                   # default
    memory_limit: 0                     # default
    max_calls_per_worker: 0             # default
    retry:
      attempts: 1                       # default
      backoff: 100ms                    # default
      jitter: 0.5                       # default
      on: [runner_lost, boot_failed, call_crashed] # default
    heartbeat:
      interval: 1s                      # default
      tolerance: 5s                     # default
    allow_different_builds: false       # default
    log: info                           # default
  mail:
    min: 0                              # default
    max: 4                              # default
    max_concurrency: 8                  # default
    single_use: false                   # default
    max_queue: 100000                   # default
    timeout: 30s                        # default
    boot_timeout: 30s                   # default
    shutdown_timeout: 30s               # default
    stop_grace: 5s                      # default
    drain_timeout: 30s                  # default
    idle_shutdown_after: 30s            # default
    min_idle_shutdown_after: infinite   # default
    track_resources: false              # default
    max_message: 1GiB                   # default
    backend: process                    # environment FLAME_BACKEND
    isolation: thread                   # default
    memory_limit: 0                     # default
    max_calls_per_worker: 0             # default
    retry:
      attempts: 1                       # default
      backoff: 100ms                    # default
      jitter: 0.5                       # default
      on: [runner_lost, boot_failed, call_crashed] # default
    heartbeat:
      interval: 1s                      # default
      tolerance: 5s                     # default
    allow_different_builds: false       # default
    log: off                            # environment FLAME_POOLS_MAIL_LOG
)");
    CHECK(load_without_file({}).print().ends_with("\npools: {}\n"));
    CHECK(contains(load("pools: {p: }").print(), "backend: local "));
  }

  TEST_CASE("what is printed is read again as the same settings") {
    flame::pool_options options{
      .min = 3,
      .max = 9,
      .max_queue = std::numeric_limits<std::size_t>::max(),
      .timeout = 1234567ns,
      .shutdown_timeout = 0s,
      .idle_shutdown_after = flame::infinite,
      .max_message = 123'457,
      .backend = {"process",
                  {{"plain", "/usr/bin/x"},
                   {"null", "null"},
                   {"empty", ""},
                   {"dollar", "${HOME} $$ $"},
                   {"quotes", "\"a\" 'b' \\ \\n"},
                   {"lines", "a\nb\r\n\tc\x01\x7f"},
                   {"blanks", "  x  "},
                   {"comment", "a # b: c"},
                   {"words", "- {a} [b] *c &d !e |f >g %h @i"},
                   {"utf8", "gr\xc3\xb6\xc3\x9f"
                            "er \xe2\x82\xac"},
                   {"label.x.io/y", "1"}}},
      .retry = {.attempts = 3,
                .backoff = 1500us,
                .jitter = 0.125,
                .on = {flame::errc::queue_full, flame::errc::runner_lost}},
      .heartbeat = {.interval = 0s, .tolerance = 7s}};
    auto printed = load("node: {name: a.b, log: 'off'}")
                     .print({{"one", options}, {"null", {}}, {"Two-2", {}}});
    auto again = load(printed);
    CHECK(again.node() == flame::node_settings{.name = "a.b", .log = "off"});
    CHECK(again.pool("one") == options);
    CHECK(again.pool_names()
          == std::vector<std::string>{"Two-2", "null", "one"});
    // A backend that nobody chose is printed by its name.
    CHECK(again.pool("null") == flame::pool_options{.backend = "local"});
  }

  TEST_CASE("options in a group come from file, variables and flags") {
    auto config = load(
      "pools:\n"
      "  a:\n"
      "    retry: {attempts: 3, on: [queue_full, runner_lost]}\n"
      "    heartbeat:\n"
      "      tolerance: 9s\n",
      {{"FLAME_POOLS_A_RETRY_BACKOFF", "2s"},
       {"FLAME_POOLS_A_RETRY_JITTER", "1"}},
      {{"pools.a.heartbeat.interval", "3s"}, {"pools.a.retry.attempts", "4"}});
    flame::pool_options defaults{.retry = {.attempts = 2, .jitter = 0}};
    auto pool = config.pool("a", defaults);
    CHECK(pool.retry
          == flame::retry_options{
            4, 2s, 1, {flame::errc::queue_full, flame::errc::runner_lost}});
    CHECK(pool.heartbeat == flame::heartbeat_options{3s, 9s});
    CHECK(config.origin_of("a", "retry.on") == flame::origin::file);
    CHECK(config.origin_of("a", "retry.backoff") == flame::origin::environment);
    CHECK(config.origin_of("a", "retry.attempts") == flame::origin::flag);
    CHECK(config.pool("b", defaults).retry == defaults.retry);
    CHECK(load_without_file(
            {{"FLAME_POOLS_A_RETRY_ON", "call_crashed,boot_failed"}})
            .pool("a")
            .retry.on
          == std::vector{flame::errc::call_crashed, flame::errc::boot_failed});
    CHECK(load("pools: {a: {retry: {on: []}}}").pool("a").retry.on.empty());
  }

  TEST_CASE("a mistake in a group is told with its place") {
    auto in_a = [](const std::string& text) {
      return mistakes("pools:\n  a:\n    " + text + "\n");
    };
    CHECK(in_a("retry: {atempts: 3}")
          == "f.yaml:3:13: unknown key `atempts` in `retry`: did you mean "
             "`attempts`?");
    CHECK(in_a("retry: 3")
          == "f.yaml:3:12: `retry` must be a map of keys and values, not a "
             "single value");
    CHECK(in_a("retry.attempts: 3")
          == "f.yaml:3:5: unknown key `retry.attempts`: did you mean `retry`?");
    CHECK(in_a("retry: {jitter: 2}")
          == "f.yaml:3:21: `retry.jitter`: `2` is out of range: 0 to 1");
    CHECK(in_a("retry: {jitter: nan}")
          == "f.yaml:3:21: `retry.jitter`: `nan` is out of range: 0 to 1");
    CHECK(in_a("retry: {attempts: 0}")
          == "f.yaml:3:23: `retry.attempts`: `0` is out of range: 1 to 1,000");
    CHECK(in_a("retry:\n      on: [runner_lst]")
          == "f.yaml:4:11: `retry.on`: `runner_lst` is not a failure to repeat "
             "for: did you mean `runner_lost`?");
    CHECK(load_without_file({}, {{"pools.a.retry.on", "queue_full,queue_full"}})
            .pool("a")
            .retry.on
          == std::vector{flame::errc::queue_full});
    CHECK(in_a("retry: {on: 'queue_full,'}")
          == "f.yaml:3:17: `retry.on`: a code is missing after the last comma");
    CHECK(in_a("retry:\n      on: [[boot_failed]]")
          == "f.yaml:4:12: `retry.on` must be a list of single values");
  }

  TEST_CASE("heart-beats are told from silence") {
    auto text = "`heartbeat.tolerance` (5s) must be more than "
                "`heartbeat.interval` (5s)";
    auto config = load("pools: {a: {heartbeat: {interval: 5s}}}");
    std::string mistake;
    try {
      config.pool("a");
    } catch (const flame::call_error& error) {
      mistake = error.what();
    }
    CHECK(contains(mistake, text));
    CHECK(mistakes("pools:\n  a:\n"
                   "    heartbeat: {interval: 5s, tolerance: 5s}\n")
          == std::string{"f.yaml:3:42: "} + text);
    CHECK_NOTHROW(
      flame::validate("a", {.heartbeat = {.interval = 0s, .tolerance = 1ns}}));
    CHECK_THROWS_WITH(
      flame::validate("a", {.heartbeat = {.interval = 5s, .tolerance = 5s}}),
      (std::string{"pool `a`: "} + text).c_str());
  }

  TEST_CASE("secrets are not printed, wherever they come from") {
    auto config =
      load("pools:\n  p:\n    backend:\n      name: k8s\n"
           "      token: hush1\n      db_password: ${P}\n"
           "      SECRET: hush3\n      api_Key: hush4\n"
           "      keyring: shown\n",
           {{"P", "hush2"}}, {{"pools.p.backend.a_token", "hush5"}});
    CHECK(config.pool("p").backend.settings.at("db_password") == "hush2");
    auto printed =
      config.print({{"q", {.backend = {"k8s", {{"token", "hush6"}}}}}});
    CHECK_FALSE(contains(printed, "hush"));
    CHECK(contains(printed, "# db_password is secret: file "));
    CHECK(
      contains(printed, "# a_token is secret: flag --pools.p.backend.a_token"));
    CHECK(contains(line_with(printed, "keyring"), "keyring: shown "));
    CHECK(load(printed).pool("p").backend
          == flame::backend_options{"k8s", {{"keyring", "shown"}}});
  }

  TEST_CASE(
    "a setting of a backend is read from the file that is named for it") {
    temporary_directory directory;
    directory.write("hush1\n", "token");
    directory.write("hush2\r\n", "password");
    directory.write("two\n\n", "lines");
    directory.write("none", "plain");
    auto path = directory.write("pools:\n  p:\n    backend:\n"
                                "      name: k8s\n"
                                "      token_file: token\n"
                                "      password_file: "
                                + directory.path("password")
                                + "\n"
                                  "      lines_file: ./lines\n");
    auto settings =
      flame::configuration::load(
        {.file = path,
         .environment = environment{},
         .flags = {{"pools.p.backend.plain_file", directory.path("plain")}}})
        .pool("p")
        .backend.settings;
    CHECK(settings
          == std::map<std::string, std::string>{{"token", "hush1"},
                                                {"password", "hush2"},
                                                {"lines", "two\n"},
                                                {"plain", "none"}});
  }

  TEST_CASE("a value from a file is never printed, and its path reads back") {
    temporary_directory directory;
    directory.write("hush1\n", "token");
    directory.write("hush2\n", "account");
    auto path = directory.write("pools:\n  p:\n    backend:\n"
                                "      name: k8s\n"
                                "      token_file: token\n"
                                "      account: weak\n");
    auto config = flame::configuration::load(
      {.file = path,
       .environment = environment{},
       .flags = {{"pools.p.backend.account_file", directory.path("account")}}});
    auto printed = config.print();
    CHECK_FALSE(contains(printed, "hush"));
    CHECK(contains(printed, "      token_file: " + directory.path("token")
                              + " # file " + path + ":5\n"));
    CHECK(contains(line_with(printed, "account_file"),
                   " # flag --pools.p.backend.account_file"));
    CHECK(load(printed).pool("p").backend == config.pool("p").backend);
    CHECK(config.origin_of("p", "backend.token") == flame::origin::file);
    CHECK(config.origin_of("p", "backend.account") == flame::origin::flag);
  }

  TEST_CASE(
    "a file for a value that cannot be read is told where it is named") {
    temporary_directory directory;
    auto long_file = directory.write(std::string(65'537, 'x'), "long");
    directory.write(std::string(65'536, 'x'), "longest");
    auto mistake_in = [&](const std::string& line) {
      auto path =
        directory.write("pools:\n  p:\n    backend:\n      " + line + "\n");
      return replaced(mistake_of([&] {
                        flame::configuration::load(
                          {.file = path, .environment = environment{}});
                      }),
                      directory.path(""), "");
    };
    CHECK(mistake_in("token_file: nowhere")
          == "f.yaml:4:7: `token_file`: nowhere cannot be read: No such file "
             "or directory");
    CHECK(mistake_in("token_file: .").ends_with("Is a directory"));
    CHECK(mistake_in("token_file: long")
            .ends_with("long cannot be read: it is longer than 64KiB"));
    CHECK(mistake_in("token_file: longest") == "no mistake");
    CHECK(mistake_in("token_file: ''")
          == "f.yaml:4:7: `token_file`: has no value: give the path of a file");
    CHECK(mistake_in("name_file: long")
          == "f.yaml:4:7: `name_file`: the name of a backend cannot come from "
             "a file: write `name`");
    CHECK(mistakes_without_file({}, {{"pools.p.backend.t_file", "/nowhere"}})
          == "--pools.p.backend.t_file: `t_file`: /nowhere cannot be read: No "
             "such file or directory");
  }

  TEST_CASE("a value and a file for it in one source are a mistake") {
    temporary_directory directory;
    auto token = directory.write("hush", "token");
    auto both = "pools:\n  p:\n    backend:\n      token: a\n"
                "      token_file: "
                + token + "\n";
    CHECK(mistakes(both)
          == "f.yaml:5:7: `token` and `token_file` are both given, first at "
             "f.yaml:4:7: keep one");
    CHECK(contains(mistakes_without_file({}, {{"pools.p.backend.t_file", token},
                                              {"pools.p.backend.t", "a"}}),
                   "--pools.p.backend.t: `t` and `t_file` are both given"));
    // Of two sources the stronger one counts, as always.
    auto settings =
      load(
        "pools: {p: {backend: {token: a, key_file: " + token + "}}}", {},
        {{"pools.p.backend.token_file", token}, {"pools.p.backend.key", "b"}})
        .pool("p")
        .backend.settings;
    CHECK(
      settings
      == std::map<std::string, std::string>{{"token", "hush"}, {"key", "b"}});
  }

  TEST_CASE("a path with a line break does not break what is printed") {
    temporary_directory directory;
    auto path = directory.write("node: {name: a}", "x\nlog: off");
    auto printed =
      flame::configuration::load({.file = path, .environment = environment{}})
        .print();
    CHECK(load(printed).node() == flame::node_settings{.name = "a"});
  }

  TEST_CASE("flags of flame are taken out of a command line") {
    auto line = parse({"in.mp4", "--config", "a.yaml", "-v", "--pools.p.max=3",
                       "--node.name", "studio", "--every=5", "--print-config",
                       "--pools.p.min", "-1", "--configure", "--",
                       "--config=other", "--pools.p.max=9"});
    CHECK(line.program == "program");
    CHECK(line.config_file == "a.yaml");
    CHECK(line.print_config);
    CHECK(line.overrides
          == flags{{"pools.p.max", "3"},
                   {"node.name", "studio"},
                   {"pools.p.min", "-1"}});
    CHECK(line.rest
          == std::vector<std::string>{"in.mp4", "-v", "--every=5",
                                      "--configure", "--", "--config=other",
                                      "--pools.p.max=9"});
    CHECK(line.source().file == "a.yaml");
    CHECK(line.source().flags == line.overrides);
    CHECK_FALSE(line.source().environment.has_value());
  }

  TEST_CASE("a command line without flags of flame is left as it is") {
    auto line = parse({"a", "-b", "--c", "", "--pools", "--node=x"});
    CHECK(
      line.rest
      == std::vector<std::string>{"a", "-b", "--c", "", "--pools", "--node=x"});
    CHECK_FALSE(line.config_file.has_value());
    CHECK_FALSE(line.print_config);
    CHECK(line.overrides.empty());
    CHECK(flame::parse_command_line(0, nullptr).program.empty());
  }

  TEST_CASE("values after an equals sign may have any text") {
    auto line = parse({"--config=a=b.yaml", "--pools.p.backend.args=--x=1",
                       "--pools.p.backend.empty="});
    CHECK(line.config_file == "a=b.yaml");
    CHECK(line.overrides
          == flags{{"pools.p.backend.args", "--x=1"},
                   {"pools.p.backend.empty", ""}});
  }

  TEST_CASE("a mistake in a command line names the flag") {
    CHECK(command_line_mistake({"--config"})
          == "--config: has no value: write e.g. --config=VALUE");
    CHECK(command_line_mistake({"--config", "--print-config"})
          == "--config: has no value: write e.g. --config=VALUE");
    CHECK(command_line_mistake({"--config="})
          == "--config: has no value: give the path of a file");
    CHECK(command_line_mistake({"--config=a", "--config", "b"})
          == "--config: is there twice: `a` and `b`");
    CHECK(command_line_mistake({"--print-config=yes"})
          == "--print-config: takes no value, but has `yes`");
    CHECK(command_line_mistake({"--pools.p.max"})
          == "--pools.p.max: has no value: write e.g. --pools.p.max=VALUE");
    CHECK(command_line_mistake({"--pools.p.max", "--"})
          == "--pools.p.max: has no value: write e.g. --pools.p.max=VALUE");
  }

  TEST_CASE("the help has every option with unit, range and default") {
    auto text = flame::command_line_help();
    for (auto part :
         {"--config <file>", "--print-config", "--check-config",
          "--node.name <name>", "--node.scheduler_threads <threads>",
          "--pools.NAME.max <runners>", "1 to 10,000; default 4",
          "1KiB to 64GiB; default 1GiB", "--pools.NAME.timeout <time>",
          "1ns to infinite; default 30s", "at most 63; default local",
          "--pools.NAME.backend.KEY <text>"})
      CHECK_MESSAGE(contains(text, part), std::string{part});
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);)
      CHECK(line.size() <= 80);
  }

  TEST_CASE("the example file has every option at its default") {
    auto config = flame::configuration::load(
      {.file = shipped("example.yaml").string(), .environment = environment{}});
    CHECK(config.node() == flame::node_settings{});
    CHECK(config.pool("ffmpeg") == flame::pool_options{.backend = "local"});
    CHECK_FALSE(contains(config.print(), "# default"));
  }

  TEST_CASE("the file of the thumbnails program is valid") {
    auto path = shipped("thumbnails.yaml").string();
    auto config =
      flame::configuration::load({.file = path, .environment = environment{}});
    auto pool = config.pool("ffmpeg");
    CHECK(pool.max >= 1);
    CHECK(pool.backend == flame::backend_options{"process"});
  }

  TEST_CASE("a broken file is refused with call_error and nothing else") {
    temporary_directory directory;
    auto const original = read_text(shipped("example.yaml"));
    // Long comments would take most of the mutations.
    std::string base;
    std::istringstream lines{original};
    for (std::string line; std::getline(lines, line);)
      if (!line.empty() && !contains(line, "#"))
        base += line + '\n';
    constexpr std::string_view pieces[] = {"[",
                                           "]",
                                           "{",
                                           "}",
                                           ":",
                                           ": ",
                                           "- ",
                                           "\n",
                                           "  ",
                                           "\t",
                                           "\"",
                                           "'",
                                           "&a ",
                                           "*a",
                                           "${",
                                           "}",
                                           "$$",
                                           "!!",
                                           "|\n",
                                           ">\n",
                                           "#",
                                           "? ",
                                           "---",
                                           "\n...\n",
                                           "%YAML 9.9\n",
                                           "\xff",
                                           "\xef\xbb\xbf",
                                           "<<: ",
                                           "\\",
                                           ",",
                                           "@",
                                           "`",
                                           "~",
                                           "999999999999999999999"};
    std::mt19937_64 random{20'240'607};
    auto below = [&](std::size_t limit) {
      return random() % limit;
    };
    std::size_t loaded = 0;
    std::size_t refused = 0;
    for (int i = 0; i < 2'000; ++i) {
      auto text = i % 2 == 0 ? base : original;
      for (auto count = 1 + below(6); count > 0 && !text.empty(); --count) {
        auto at = below(text.size());
        switch (below(5)) {
          case 0:
            text.insert(at, pieces[below(std::size(pieces))]);
            break;
          case 1:
            text[at] = static_cast<char>(below(256));
            break;
          case 2:
            text.erase(at, 1 + below(20));
            break;
          case 3:
            text.insert(below(text.size()), text.substr(at, below(40)));
            break;
          default:
            text.resize(at);
        }
      }
      try {
        auto config = flame::configuration::load(
          {.file = directory.write(text), .environment = environment{}});
        flame::configuration::load(
          {.file = directory.write(config.print(), "printed.yaml"),
           .environment = environment{}});
        ++loaded;
      } catch (const flame::call_error& error) {
        REQUIRE(error.code() == flame::errc::invalid_configuration);
        REQUIRE_FALSE(contains(error.what(), "printed.yaml"));
        ++refused;
      }
    }
    // Both must be common, or the mutations test nothing.
    CHECK(loaded > 100);
    CHECK(refused > 100);
  }

} // TEST_SUITE
