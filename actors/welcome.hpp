/// What parent and runner tell each other before the first call.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "flame/codec.hpp"
#include "flame/detail/thunk.hpp"
#include "flame/options.hpp"

namespace flame::detail {

/// By which signs a runner learns that its parent is gone. All are on; tests
/// turn them off one by one.
enum parent_signs : std::uint8_t {
  by_signal = 1,
  by_lanes = 2,
  by_monitor = 4,
  by_heartbeat = 8,
  every_sign = by_signal | by_lanes | by_monitor | by_heartbeat,
};

/// The first message on the `lanes` socket: who the runner is.
struct welcome {
  std::string pool;
  std::string runner;
  std::uint64_t id = 0;
  std::uint64_t max_message = 0;
  duration boot_timeout{};
  duration shutdown_timeout{};
  /// Of workers, see `pool_options`.
  flame::isolation isolation = flame::isolation::thread;
  std::uint64_t memory_limit = 0;
  std::uint64_t max_calls_per_worker = 0;
  duration stop_grace{};
  /// Where there are any: the next message brings their connection.
  duration heartbeat_interval{};
  duration heartbeat_tolerance{};
  std::int32_t parent_pid = 0;
  std::uint8_t signs = every_sign;
  /// The number of the broker of the parent's topics.
  std::uint64_t pubsub = 0;
};

/// What a runner says when it joins.
struct hello {
  std::int32_t pid = 0;
  std::vector<module_info> modules;
};

template <class T>
std::vector<char> to_bytes(const T& value) {
  buffer out;
  writer to{out};
  encode<T>(to, value);
  auto* begin = reinterpret_cast<const char*>(out.data());
  return {begin, begin + out.size()};
}

/// @throws call_error `bad_payload`
template <class T>
T from_bytes(const std::vector<char>& bytes, codec_context* context = nullptr) {
  reader in{std::as_bytes(std::span{bytes}), context};
  auto result = decode<T>(in);
  in.finish();
  return result;
}

} // namespace flame::detail
