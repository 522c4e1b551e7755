#include <stdexcept>
#include <string>

#include <unistd.h>

#include "process.hpp"
#include "subjects.hpp"

namespace bench {

namespace {

/// What the program says that has the table.
double rate_in_program(const std::string& what, const effort& how) {
  auto pipe = make_pipe();
  peer started{
    {BENCH_SLOT_TABLE, what, "256", std::to_string(how.throughput.count())},
    {pipe.second.get()}};
  pipe.second = descriptor{};
  char text[64];
  auto length = ::read(pipe.first.get(), text, sizeof(text));
  if (length <= 0)
    throw std::runtime_error{std::string{"no word from "} + BENCH_SLOT_TABLE};
  return std::stod(std::string{text, static_cast<std::size_t>(length)});
}

} // namespace

figures measure_leases(flame::node&, const effort& how, progress& line) {
  pinned here{how.cpus};
  series leases{"slots taken and given back by 256 threads", "/s", {}};
  series limit{"a mutex locked twice by each of them", "/s", {}};
  for (std::size_t i = 0; i < how.rounds; ++i) {
    line.show("leases", i, how.rounds);
    leases.rounds.push_back(rate_in_program("table", how));
    limit.rounds.push_back(rate_in_program("mutex", how));
  }
  return {beside("leases_per_s", leases, limit, bound::at_least, 100'000)};
}

} // namespace bench
