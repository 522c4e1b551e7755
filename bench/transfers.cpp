#include <cstdint>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include <flame/call.hpp>
#include <flame/stream.hpp>

#include "limits.hpp"
#include "sampling.hpp"
#include "subjects.hpp"

namespace bench {

namespace {

using bytes = std::vector<std::uint8_t>;

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

double mib_per_s(std::size_t transferred, clock::duration time) {
  return static_cast<double>(transferred) / mib
         / std::chrono::duration<double>(time).count();
}

template <class Step>
clock::duration time_of(Step step) {
  auto begin = clock::now();
  step();
  return clock::now() - begin;
}

void echo(const flame::pool& pool, const bytes& message) {
  flame::call(
    pool,
    [](bytes what) {
      return what;
    },
    message);
}

// -- long messages ------------------------------------------------------------

/// What an echo carries, counted once, although it travels twice.
figure measure_echo_of(const flame::pool& pool, std::size_t length,
                       const effort& how, progress& line) {
  auto name = fmt::format("{} MiB", length / mib);
  // As many bytes with short messages as with long ones.
  auto count = std::max<std::size_t>(how.round_trips * mib / 20 / length, 3);
  raw_echo limit{{length}};
  std::vector<std::byte> raw_message(length, std::byte{1});
  bytes message(length, 1);
  series raw{"raw echo of " + name, "MiB/s", {}};
  series call{"call that echoes " + name, "MiB/s", {}};
  auto repeated = [&](auto step) {
    step();
    return mib_per_s(count * length, time_of([&] {
                       for (std::size_t k = 0; k < count; ++k)
                         step();
                     }));
  };
  for (std::size_t i = 0; i < how.rounds; ++i) {
    line.show("echo of " + name, i, how.rounds);
    raw.rounds.push_back(repeated([&] {
      limit.round_trip(0, raw_message);
    }));
    call.rounds.push_back(repeated([&] {
      echo(pool, message);
    }));
  }
  return ratio_to(fmt::format("echo_{}m_ratio", length / mib), call, raw,
                  bound::at_least, 0.7);
}

// -- streams ------------------------------------------------------------------

void read_stream(const flame::pool& pool, std::size_t length,
                 std::size_t count) {
  auto items = flame::stream(
    pool,
    [](flame::emitter<bytes>& out, std::size_t size, std::size_t number) {
      bytes item(size);
      for (; number > 0; --number)
        out(item);
    },
    length, count);
  std::size_t got = 0;
  for (auto& item : items)
    got += item.size();
  if (got != length * count)
    throw std::runtime_error{"a stream has lost items"};
}

figure measure_stream_of(const flame::pool& pool, std::size_t length,
                         double bar, const effort& how, progress& line) {
  auto name = fmt::format("{} KiB", length / kib);
  auto count = how.round_trips * (8 + length / kib) * kib / length;
  raw_items limit{length};
  series raw{"raw writes of " + name, "MiB/s", {}};
  series stream{"stream of " + name, "MiB/s", {}};
  for (std::size_t i = 0; i < how.rounds; ++i) {
    line.show("stream of " + name, i, how.rounds);
    raw.rounds.push_back(mib_per_s(count * length, time_of([&] {
                                     limit.take(count);
                                   })));
    stream.rounds.push_back(mib_per_s(count * length, time_of([&] {
                                        read_stream(pool, length, count);
                                      })));
  }
  return ratio_to(fmt::format("stream_mib_ratio_{}k", length / kib), stream,
                  raw, bound::at_least, bar);
}

// -- short messages beside long ones ------------------------------------------

constexpr std::size_t big = 64 * mib;

/// The time that 99 of 100 short steps take at most, in us, while a thread
/// takes long ones, one after the other.
template <class Small, class Big>
double p99_beside(Small small_step, Big big_step, clock::duration time) {
  big_step();
  std::jthread beside{[&](const std::stop_token& stop) {
    while (!stop.stop_requested())
      big_step();
  }};
  std::vector<double> times;
  auto begin = clock::now();
  for (auto now = begin; now - begin < time;) {
    small_step();
    times.push_back(micros(clock::now() - now));
    now = clock::now();
  }
  return quantile(std::move(times), 0.99);
}

} // namespace

figures measure_echo(flame::node& node, const effort& how, progress& line) {
  pinned here{how.cpus};
  auto pool = warm_pool(node, "echo", 1);
  figures result{measure_echo_of(pool, mib, how, line),
                 measure_echo_of(pool, 16 * mib, how, line)};
  pool.shutdown();
  return result;
}

figures measure_streams(flame::node& node, const effort& how, progress& line) {
  pinned here{how.cpus};
  auto pool = warm_pool(node, "streams", 1);
  figures result{measure_stream_of(pool, kib, 0.5, how, line),
                 measure_stream_of(pool, 64 * kib, 0.7, how, line)};
  pool.shutdown();
  return result;
}

figures measure_small_beside_big(flame::node& node, const effort& how,
                                 progress& line) {
  pinned here{how.cpus};
  auto pool = warm_pool(node, "mixed", 2);
  raw_echo limit{{ping_pong::message_size, big}};
  std::vector<std::byte> raw_small(ping_pong::message_size);
  std::vector<std::byte> raw_big(big);
  bytes message(big);
  series raw{"raw ping-pong p99 beside raw 64 MiB", "us", {}};
  series call{"call p99 beside echoes of 64 MiB", "us", {}};
  // Several of the long ones in each turn.
  auto time = 4 * how.throughput;
  for (std::size_t i = 0; i < how.rounds; ++i) {
    line.show("calls beside long ones", i, how.rounds);
    raw.rounds.push_back(p99_beside(
      [&] {
        limit.round_trip(0, raw_small);
      },
      [&] {
        limit.round_trip(1, raw_big);
      },
      time));
    call.rounds.push_back(p99_beside(
      [&] {
        flame::call(pool, [] {});
      },
      [&] {
        echo(pool, message);
      },
      time));
  }
  pool.shutdown();
  return {ratio_to("small_beside_big_ratio", call, raw, bound::at_most, 2)};
}

} // namespace bench
