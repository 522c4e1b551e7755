/// `flame_bench`: what calls, boots and children take, each beside the limit
/// that the machine sets, taken in turns.
#include <algorithm>
#include <array>
#include <iostream>
#include <span>

#include <CLI/CLI.hpp>

#include <flame/run.hpp>

#include "limits.hpp"
#include "process.hpp"
#include "subjects.hpp"

namespace {

struct subject {
  std::vector<std::string> keys;
  bench::figures (*measure)(flame::node&, const bench::effort&,
                            bench::progress&);
};

const std::array subjects{
  subject{{"warm_call_p50_ratio", "actor_call_p50_ratio"},
          bench::measure_latency},
  subject{{"calls_8_ratio", "calls_64_over_8", "calls_256_over_8",
           "raw_64_over_8", "raw_256_over_8"},
          bench::measure_throughput},
  subject{{"cast_per_s"}, bench::measure_casts},
  subject{{"echo_1m_ratio", "echo_16m_ratio"}, bench::measure_echo},
  subject{{"stream_mib_ratio_1k", "stream_mib_ratio_64k"},
          bench::measure_streams},
  subject{{"small_beside_big_ratio"}, bench::measure_small_beside_big},
  subject{{"leases_per_s"}, bench::measure_leases},
  subject{{"queued_call_bytes", "dispatch_growth"}, bench::measure_queue},
  subject{{"giveup_stall_ms"}, bench::measure_giving_up},
  subject{{"place_child_p50_ratio", "place_children_per_s"},
          bench::measure_placing},
  subject{{"cold_start_p50_ms", "cold_start_ratio"}, bench::measure_cold_start},
  subject{{"burst_ratio"}, bench::measure_burst},
  subject{{"idle_runner_pss_mib"}, bench::measure_memory},
  subject{{"isolated_call_p50_over_thread", "isolated_first_call_ms",
           "worker_pss_mib"},
          bench::measure_isolation},
};

struct settings {
  std::string json;
  std::vector<std::string> only;
  std::size_t rounds = 0;
  bool is_quick = false;
  std::string cpus = "one";
};

std::vector<std::string> all_keys() {
  std::vector<std::string> result;
  for (auto& each : subjects)
    result.insert(result.end(), each.keys.begin(), each.keys.end());
  return result;
}

bool is_wanted(const settings& what, const std::string& key) {
  return what.only.empty()
         || std::ranges::find(what.only, key) != what.only.end();
}

bench::effort effort_of(const settings& what) {
  bench::effort result;
  if (what.is_quick)
    result = {.rounds = 3,
              .round_trips = 1000,
              .throughput = std::chrono::milliseconds{150},
              .boots = 7,
              .bursts = 1,
              .queues = 1,
              .cpus = {}};
  if (what.rounds > 0)
    result.rounds = what.rounds;
  result.cpus = bench::usable_cpus();
  // The last one: the first often serves the machine's interrupts.
  if (what.cpus == "one")
    result.cpus = {result.cpus.back()};
  return result;
}

bench::figures measure(flame::node& node, const settings& what) {
  bench::figures result;
  bench::progress line;
  auto how = effort_of(what);
  for (auto& each : subjects) {
    if (std::ranges::none_of(each.keys, [&](const std::string& key) {
          return is_wanted(what, key);
        }))
      continue;
    for (auto& measured : each.measure(node, how, line))
      if (is_wanted(what, measured.key))
        result.push_back(std::move(measured));
  }
  return result;
}

void add_options(CLI::App& app, settings& what) {
  app.add_option("--json", what.json, "Write the results to this file too")
    ->type_name("FILE");
  app.add_option("--only", what.only, "Measure these only, see below")
    ->delimiter(',')
    ->type_name("KEY[,KEY]")
    ->check([](const std::string& key) {
      auto keys = all_keys();
      return std::ranges::find(keys, key) == keys.end()
               ? "there is no figure " + key
               : std::string{};
    });
  app
    .add_option("--rounds", what.rounds,
                "Turns of figure and limit; default 9, quick 3")
    ->check(CLI::Range(1, 1000))
    ->type_name("N");
  app.add_flag("--quick", what.is_quick,
               "Measure less: seconds, and less to rely on");
  app
    .add_option("--cpus", what.cpus,
                "CPUs that calls and children are measured on; default one")
    ->check(CLI::IsMember({"one", "all"}))
    ->type_name("one|all");
  std::string keys = "Keys:";
  for (auto& key : all_keys())
    keys += "\n  " + key;
  app.footer(keys + R"(

With one CPU, both ends share it: no figure has the time in it that a sleeping
CPU takes to wake up. Cold starts and bursts have all CPUs in any case.

The exit status says whether all was measured, not whether bars were met.)");
}

int run(flame::node& node) {
  settings what;
  CLI::App app{"Measures flame beside the limits that the machine sets."};
  app.name("flame_bench");
  add_options(app, what);
  auto arguments = node.args();
  try {
    // CLI11 takes them from the back.
    app.parse(std::vector<std::string>{arguments.rbegin(), arguments.rend()});
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  if (!what.json.empty())
    bench::check_writable(what.json);
  auto figures = measure(node, what);
  bench::print_table(std::cout, figures);
  if (!what.json.empty())
    bench::write_json(what.json, figures);
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  if (auto status = bench::run_as_peer(argc, argv))
    return *status;
  return flame::run(argc, argv, run, [](flame::node_options& options) {
    options.config =
      flame::configuration::load({.flags = {{"node.log", "off"}}});
  });
}
