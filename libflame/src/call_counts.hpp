#pragma once

#include <array>
#include <atomic>
#include <optional>

#include "flame/error.hpp"
#include "flame/pool.hpp"
#include "live_histogram.hpp"

namespace flame::detail {

/// Counts the calls of a pool. Thread-safe, and without locks.
class call_counts {
public:
  using time_point = std::chrono::steady_clock::time_point;

  void begun() noexcept {
    started_.fetch_add(1, std::memory_order_relaxed);
  }

  /// A call has its result, or this problem.
  void ended(const std::optional<call_error>& problem,
             time_point since) noexcept {
    if (problem)
      failed(problem->code());
    else
      succeeded_.add(std::chrono::steady_clock::now() - since);
  }

  void failed(errc why) noexcept {
    auto i = static_cast<std::size_t>(why);
    failed_[i < failed_.size() ? i : 0].fetch_add(1, std::memory_order_release);
  }

  /// Calls `work`, and counts what it throws.
  template <class F>
  auto count_failure(F work) {
    try {
      return work();
    } catch (const call_error& error) {
      failed(error.code());
      throw;
    } catch (...) {
      failed(errc::out_of_resources);
      throw;
    }
  }

  /// Never more ends than beginnings.
  call_stats look() const;

private:
  std::atomic<std::uint64_t> started_{0};
  live_histogram succeeded_;
  /// By code; the first one is of codes that this program does not know.
  std::array<std::atomic<std::uint64_t>,
             static_cast<std::size_t>(errc::supervisor_ended) + 1>
    failed_{};
};

} // namespace flame::detail
