#include "retry.hpp"

#include <algorithm>
#include <random>

#include "config_schema.hpp"
#include "logging.hpp"
#include "timing.hpp"

namespace flame::detail {

namespace {

/// No pause is longer, however often it has been doubled.
constexpr duration longest_pause = std::chrono::minutes{1};

/// From 0 to 1.
double chance() {
  static thread_local std::minstd_rand source{std::random_device{}()};
  return std::uniform_real_distribution<>{}(source);
}

} // namespace

std::unique_ptr<retry_plan> retry_plan::of(const pool_core& pool,
                                           const call_options& options) {
  if (options.retry)
    if (auto wrong = mistakes_in(*options.retry); !wrong.empty())
      throw call_error{errc::invalid_configuration, wrong};
  if (!options.idempotent)
    return nullptr;
  auto& wanted = options.retry ? *options.retry : pool.options.retry;
  return wanted.attempts > 1 ? std::make_unique<retry_plan>(wanted) : nullptr;
}

std::optional<time_point> retry_plan::next(const call_error& error,
                                           time_point now,
                                           time_point deadline) {
  if (std::ranges::find(options_.on, error.code()) == options_.on.end())
    return std::nullopt;
  if (++failed_ >= options_.attempts)
    return std::nullopt;
  auto when = time_after(now, pause());
  return when < deadline ? std::optional{when} : std::nullopt;
}

duration retry_plan::pause() const {
  auto longest = std::max(longest_pause, options_.backoff);
  auto doubled = options_.backoff;
  for (std::size_t i = 1; i < failed_ && doubled < longest; ++i)
    doubled *= 2;
  doubled = std::min(doubled, longest);
  if (is_endless(doubled))
    return doubled;
  auto share = 1 - std::clamp(options_.jitter, 0., 1.) * chance();
  return std::chrono::duration_cast<duration>(doubled * share);
}

void report_retry(pool_core& pool, const call_error& error,
                  std::size_t attempts) {
  pool.count.retries += 1;
  pool.log->warn("call is tried again pool={} runner={} attempt={} code={} {}",
                 pool.name, error.runner(), attempts + 1,
                 to_string(error.code()), error.what());
}

} // namespace flame::detail
