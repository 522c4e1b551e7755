// Threads that take slots of a pool's table and give them back, without calls:
// what is behind the library's public face, and so a program of its own.
//
//   slot_table table|mutex THREADS MILLISECONDS
//
// Writes how often per second that was done, as text, to descriptor 3. `mutex`
// does nothing but lock a mutex twice for each: once to take, once to give back.
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

#include "blocking_call.hpp"
#include "sampling.hpp"
#include "slot_table.hpp"

namespace {

using flame::detail::runner_slots;
using flame::detail::slot_table;
using flame::detail::waiting_thread;

constexpr std::size_t slots_of_a_runner = 16;

/// A slot for each thread: this is about the table, not about waking up who
/// waits.
std::vector<std::shared_ptr<runner_slots>> runners_for(std::size_t threads) {
  std::vector<std::shared_ptr<runner_slots>> result;
  for (std::size_t i = 0; i < threads; i += slots_of_a_runner)
    result.push_back(std::make_shared<runner_slots>(
      std::to_string(i), slots_of_a_runner, nullptr, nullptr, [] {}, [] {},
      [] {}));
  return result;
}

double table_rate(std::size_t threads, std::chrono::milliseconds time) {
  // The table refers to them.
  auto runners = runners_for(threads);
  slot_table table{threads, [] {}};
  for (auto& each : runners)
    table.add(each);
  flame::detail::waker alarm;
  return bench::rate(threads, time, [&](std::size_t) {
    waiting_thread holder{alarm};
    if (table.acquire(holder, false) != slot_table::outcome::granted)
      std::abort();
    table.release(holder, holder.take_lane());
  });
}

double mutex_rate(std::size_t threads, std::chrono::milliseconds time) {
  std::mutex mutex;
  return bench::rate(threads, time, [&](std::size_t) {
    for (int i = 0; i < 2; ++i)
      std::lock_guard{mutex};
  });
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 4)
    return 2;
  auto threads = std::stoul(argv[2]);
  auto time = std::chrono::milliseconds{std::stoul(argv[3])};
  auto rate = std::string_view{argv[1]} == "table" ? table_rate(threads, time)
                                                   : mutex_rate(threads, time);
  auto text = std::to_string(rate);
  return ::write(3, text.data(), text.size()) == std::ssize(text) ? 0 : 1;
}
