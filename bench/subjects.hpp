/// What is measured. Each function takes figures and limits in turns.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include <flame/node.hpp>

#include "report.hpp"

namespace bench {

/// How much is measured.
struct effort {
  /// Times that figure and limit take their turns.
  std::size_t rounds = 9;
  /// Round trips in one turn of a figure of time.
  std::size_t round_trips = 4000;
  /// Length of one turn of a figure of throughput.
  std::chrono::milliseconds throughput{400};
  /// Boots of a runner.
  std::size_t boots = 30;
  std::size_t bursts = 5;
  /// Where round trips are made: both ends on the same CPUs.
  std::vector<int> cpus;
};

using figures = std::vector<figure>;

/// What a call takes: from a thread, and from an actor.
figures measure_latency(flame::node& node, const effort& how, progress& line);

/// How many calls are made at a time.
figures measure_throughput(flame::node& node, const effort& how,
                           progress& line);

/// What it takes to place a child.
figures measure_placing(flame::node& node, const effort& how, progress& line);

/// The first call of a pool that has no runner yet.
figures measure_cold_start(flame::node& node, const effort& how,
                           progress& line);

/// Many calls at a pool that has no runner yet.
figures measure_burst(flame::node& node, const effort& how, progress& line);

/// What it takes to isolate a call in a process.
figures measure_isolation(flame::node& node, const effort& how, progress& line);

/// What a runner holds that does nothing.
figures measure_memory(flame::node& node, const effort& how, progress& line);

} // namespace bench
