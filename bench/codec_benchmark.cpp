/// `flame_microbench`: what arguments and results cost to encode and decode.
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include <benchmark/benchmark.h>

#include <flame/codec.hpp>

namespace {

struct station {
  std::string name;
  double latitude = 0;
  double longitude = 0;
  std::vector<std::uint32_t> lines;
};

using small_tuple = std::tuple<std::int32_t, double, std::string>;
using numbers = std::vector<double>;
using stations = std::map<std::string, station>;

template <class T>
T make();

template <>
small_tuple make() {
  return {42, 2.5, "sixteen letters!"};
}

template <>
numbers make() {
  return numbers((1u << 20) / sizeof(double), 1.5);
}

template <>
stations make() {
  stations result;
  for (int i = 0; i < 1000; ++i) {
    auto key = "station " + std::to_string(i);
    result[key] = {key + " of the line", 52.5 + i, 13.4, {1, 2, 3, 4}};
  }
  return result;
}

template <class T>
std::size_t encode_into(flame::detail::buffer& out, const T& value) {
  out.clear();
  flame::detail::writer to{out};
  flame::detail::encode(to, value);
  return out.size();
}

/// Into a buffer that is kept from call to call, as callers do.
template <class T>
void encode(benchmark::State& state) {
  auto value = make<T>();
  flame::detail::buffer out;
  std::size_t size = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(value);
    size = encode_into(out, value);
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(size * state.iterations()));
}

template <class T>
void decode(benchmark::State& state) {
  flame::detail::buffer encoded;
  auto size = encode_into(encoded, make<T>());
  for (auto _ : state) {
    flame::detail::reader from{encoded.bytes()};
    auto value = flame::detail::decode<T>(from);
    benchmark::DoNotOptimize(value);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(size * state.iterations()));
}

BENCHMARK(encode<small_tuple>)->Name("encode/small_tuple");
BENCHMARK(decode<small_tuple>)->Name("decode/small_tuple");
BENCHMARK(encode<numbers>)->Name("encode/vector_double_1MiB");
BENCHMARK(decode<numbers>)->Name("decode/vector_double_1MiB");
BENCHMARK(encode<stations>)->Name("encode/map_of_1000_structs");
BENCHMARK(decode<stations>)->Name("decode/map_of_1000_structs");

} // namespace

BENCHMARK_MAIN();
