/// What is measured. Each function takes figures and limits in turns.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
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
  /// Times that a long queue is built.
  std::size_t queues = 5;
  /// Where round trips are made: both ends on the same CPUs.
  std::vector<int> cpus;
};

using figures = std::vector<figure>;

/// A pool of one runner that is there, and stays.
flame::pool warm_pool(flame::node& node, const std::string& name,
                      std::size_t slots);

/// What a call takes: from a thread, and from an actor.
figures measure_latency(flame::node& node, const effort& how, progress& line);

/// How many calls are made at a time.
figures measure_throughput(flame::node& node, const effort& how,
                           progress& line);

/// How many calls are made whose outcome nobody waits for.
figures measure_casts(flame::node& node, const effort& how, progress& line);

/// What calls with long arguments and results carry.
figures measure_echo(flame::node& node, const effort& how, progress& line);

/// What streams carry.
figures measure_streams(flame::node& node, const effort& how, progress& line);

/// What a call takes while the same runner has others with long arguments.
figures measure_small_beside_big(flame::node& node, const effort& how,
                                 progress& line);

/// How often slots are taken and given back.
figures measure_leases(flame::node& node, const effort& how, progress& line);

/// What a call takes, in memory and to be dispatched, that many others wait
/// with.
figures measure_queue(flame::node& node, const effort& how, progress& line);

/// What others feel while many callers give up.
figures measure_giving_up(flame::node& node, const effort& how, progress& line);

/// What it takes to place a child, and how many are placed at a time.
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
