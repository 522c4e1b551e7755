/// Maps: a function, called on a runner for each element of a range.
///
///     for (auto& image : flame::map(pool, files, thumbnail, 160))
///       show(image);
///
/// Calls are started as results are taken, a bounded number at a time: the range
/// may be longer than memory, or have no end. It is read on the thread that
/// takes the results.
#pragma once

#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <caf/expected.hpp>
#include <caf/unit.hpp>

#include "flame/call.hpp"
#include "flame/detail/item_iterator.hpp"

namespace flame {

/// How a range is mapped.
struct map_options {
  /// Whether results come in the order of the range, and not in that in which
  /// the calls end.
  bool ordered = true;
  /// Most calls under way at a time; 0 for as many as the pool has slots with
  /// all its runners. Where results are ordered, as many again may have ended
  /// and wait for one before them.
  std::size_t in_flight = 0;
  /// For each call. Its `timeout` begins when that call is started.
  call_options call = {};
};

} // namespace flame

namespace flame::detail {

/// Calls under way whose outcomes one thread takes. Not thread-safe.
class FLAME_EXPORT call_window {
public:
  virtual ~call_window();

  /// Whether another call may be started.
  virtual bool has_room() const = 0;

  virtual void start(buffer request) = 0;

  /// In the place of a call that cannot be made.
  virtual void add_failure(call_error why) = 0;

  /// The next outcome, if it is there.
  virtual std::optional<outcome> take() = 0;

  /// Waits until one of the calls has ended.
  /// @returns false if there are none
  virtual bool wait() = 0;

  /// Cancels what is under way, and forgets it.
  virtual void cancel() = 0;
};

/// @param fails_fast whether a failure is the next outcome as soon as it is
///        known, whatever comes before it
/// @throws call_error `on_scheduler_thread`
FLAME_EXPORT std::unique_ptr<call_window> open_window(
  const std::shared_ptr<pool_core>& pool, const map_options& options,
  bool fails_fast);

template <class T>
concept not_map_options = !std::same_as<std::remove_cvref_t<T>, map_options>;

template <class R>
using unit_if_void = std::conditional_t<std::is_void_v<R>, caf::unit_t, R>;

} // namespace flame::detail

namespace flame {

/// The results of `map` or `try_map`: a range that is read once, by one thread.
/// Leaving it early, by destroying it, cancels the calls that are under way.
///
/// @tparam Collects whether a failure is a result as any other
template <bool Collects, class Range, class F, class... Args>
class [[nodiscard]] map_results {
  using element = std::ranges::range_value_t<Range>;
  using result = detail::result_of<F, element, Args...>;

public:
  /// What the function returns; `caf::unit_t` where that is nothing. Of
  /// `try_map`, a `caf::expected` of what it returns.
  using value_type = std::conditional_t<Collects, caf::expected<result>,
                                        detail::unit_if_void<result>>;

  /// @private
  map_results(pool where, const map_options& options, Range&& range, F f,
              Args... args)
    : where_(std::move(where)),
      window_(detail::open_window(where_.core(),
                                  {options.ordered, options.in_flight,
                                   detail::options_for<result>(options.call)},
                                  !Collects)),
      range_(std::forward<Range>(range)),
      next_(std::ranges::begin(range_)),
      end_(std::ranges::end(range_)),
      f_(std::move(f)),
      args_(std::move(args)...) {
    // nop
  }

  map_results(const map_results&) = delete;
  map_results& operator=(const map_results&) = delete;

  /// Waits for the next result; nothing after the last.
  /// @throws call_error of `map`, when a call has failed, as soon as that is
  ///         known: results that have not been taken are dropped, and what is
  ///         under way is cancelled
  std::optional<value_type> next() {
    for (;;) {
      fill();
      if (auto outcome = window_->take()) {
        // Runs while this result is used.
        if (!outcome->error)
          fill();
        return value_from(*outcome);
      }
      if (!window_->wait())
        return std::nullopt;
    }
  }

  /// Waits for all results.
  /// @throws call_error as `next` does
  std::vector<value_type> all() {
    std::vector<value_type> values;
    while (auto value = next())
      values.push_back(std::move(*value));
    return values;
  }

  auto begin() {
    return detail::item_iterator<map_results, value_type>{*this};
  }

  std::default_sentinel_t end() const {
    return {};
  }

private:
  void fill() {
    while (!has_failed_ && window_->has_room() && next_ != end_) {
      try {
        detail::buffer request;
        std::apply(
          [&](const auto&... args) {
            detail::write_request(request, where_, f_,
                                  static_cast<const element&>(*next_), args...);
          },
          args_);
        window_->start(std::move(request));
      } catch (call_error& error) {
        window_->add_failure(std::move(error));
      }
      ++next_;
    }
  }

  value_type value_from(detail::outcome& from) {
    try {
      if constexpr (std::is_void_v<result>) {
        detail::value_of<result>(from);
        return caf::unit;
      } else {
        return detail::value_of<result>(from);
      }
    } catch (const call_error& error) {
      if constexpr (Collects) {
        return error.to_error();
      } else {
        has_failed_ = true;
        window_->cancel();
        throw;
      }
    }
  }

  pool where_;
  std::unique_ptr<detail::call_window> window_;
  Range range_;
  std::ranges::iterator_t<Range> next_;
  std::ranges::sentinel_t<Range> end_;
  F f_;
  std::tuple<Args...> args_;
  bool has_failed_ = false;
};

/// Calls `f(element, args...)` on runners of `where` for each element of
/// `range`. Nothing is started before the first result is asked for.
///
///     std::vector<image> all = flame::map(pool, files, thumbnail, 160).all();
///
/// @param range an lvalue must live as long as the results
/// @returns the results, a range that waits for each; a call that fails is
///          thrown, and ends it
/// @throws call_error `on_scheduler_thread`, inside an actor that is not
///         detached
template <std::ranges::input_range Range, class F, class... Args>
map_results<false, Range, std::decay_t<F>, std::decay_t<Args>...> map(
  const pool& where, const map_options& options, Range&& range, F&& f,
  Args&&... args) {
  return {where, options, std::forward<Range>(range), std::forward<F>(f),
          std::forward<Args>(args)...};
}

/// @copydoc map
template <detail::not_map_options Range, class F, class... Args>
  requires std::ranges::input_range<Range>
    map_results<false, Range, std::decay_t<F>, std::decay_t<Args>...> map(
      const pool& where, Range&& range, F&& f, Args&&... args) {
    return {where, map_options{}, std::forward<Range>(range),
            std::forward<F>(f), std::forward<Args>(args)...};
  }

/// Like `map`, with each failure as a value in its place: it goes on to the end
/// of the range.
template <std::ranges::input_range Range, class F, class... Args>
map_results<true, Range, std::decay_t<F>, std::decay_t<Args>...> try_map(
  const pool& where, const map_options& options, Range&& range, F&& f,
  Args&&... args) {
  return {where, options, std::forward<Range>(range), std::forward<F>(f),
          std::forward<Args>(args)...};
}

/// @copydoc try_map
template <detail::not_map_options Range, class F, class... Args>
  requires std::ranges::input_range<Range>
    map_results<true, Range, std::decay_t<F>, std::decay_t<Args>...> try_map(
      const pool& where, Range&& range, F&& f, Args&&... args) {
    return {where, map_options{}, std::forward<Range>(range),
            std::forward<F>(f), std::forward<Args>(args)...};
  }

} // namespace flame
