/// Children that are started by a name, with arguments from a file.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "flame/detail/child_arguments.hpp"
#include "flame/detail/export.hpp"
#include "flame/supervisor.hpp"

namespace flame::detail {

/// How a child is started whose arguments a file gives. Thread-safe.
class FLAME_EXPORT child_recipe {
public:
  virtual ~child_recipe();

  virtual std::vector<parameter_info> parameters() const = 0;

  /// Whether a dynamic supervisor may be given fewer arguments, the first ones.
  virtual bool leaves_open() const noexcept = 0;

  virtual bool is_placeable() const noexcept = 0;

  /// @param args as many as there are parameters, or fewer where they may be left
  ///        open; of those that are readable
  /// @param where the pool; null for this process
  /// @param options for the placement
  /// @returns nothing, with a mistake
  virtual start_function make(std::span<const argument> args, const pool* where,
                              const call_options& options,
                              argument_mistakes& wrong) const = 0;
};

template <class Tuple, std::size_t... I>
std::tuple<std::tuple_element_t<I, Tuple>...> front_of(
  std::index_sequence<I...>);

/// The first types of a tuple.
template <std::size_t Count, class Tuple>
using take_front = decltype(front_of<Tuple>(std::make_index_sequence<Count>{}));

/// Reads arguments as the first of `Params`, and calls `use` with them.
template <class Params, std::size_t Count = 0, class Use>
start_function with_arguments(std::span<const argument> args,
                              argument_mistakes& wrong, const Use& use) {
  if constexpr (Count < std::tuple_size_v<Params>) {
    if (args.size() > Count) {
      using next = std::tuple_element_t<Count, Params>;
      if constexpr (parameter<next>::is_readable)
        return with_arguments<Params, Count + 1>(args, wrong, use);
      else
        return {};
    }
  }
  auto values = read_arguments(std::type_identity<take_front<Count, Params>>{},
                               args, wrong);
  return wrong.all.empty() ? std::apply(use, values) : start_function{};
}

/// Whether the actor that `F` is can be placed, which `place_child` would else
/// refuse when it is compiled.
template <class F, class Params>
inline constexpr bool places = false;

template <actor_function F, class... Params>
  requires shippable_callable<F> &&(travels<Params>&&...)
    && std::is_invocable_v<
      F&, typename first_argument<F>::type,
      Params...> inline constexpr bool places<F, std::tuple<Params...>> =
    behavior_result<
      std::invoke_result_t<F&, typename first_argument<F>::type, Params...>,
      actor_of_function<F>>;

  /// A start function with its first arguments.
  template <class F, class... Given, class... Open>
  start_function bind_arguments(
    const F& f, std::type_identity<std::tuple<Open...>> /*open*/,
    const Given&... given) {
    using result = typename start_signature<F>::result;
    return [f, all = std::make_tuple(given...)](
             caf::event_based_actor* self, Open... open) mutable -> result {
      return std::apply(
        [&](const auto&... each) -> result {
          return std::invoke(f, self, each..., std::move(open)...);
        },
        all);
    };
  }

  /// A function-based actor, or a start function.
  template <class F>
  class function_recipe final : public child_recipe {
    using params = typename start_signature<F>::rest;

    /// Asked first, see `plain_capture`.
    static constexpr bool is_placed = !start_routine<F> && places<F, params>;

  public:
    explicit function_recipe(F f) : f_(std::move(f)) {
      // nop
    }

    std::vector<parameter_info> parameters() const override {
      return describe_parameters(std::type_identity<params>{});
    }

    bool leaves_open() const noexcept override {
      return true;
    }

    bool is_placeable() const noexcept override {
      return is_placed;
    }

    start_function make(std::span<const argument> args, const pool* where,
                        [[maybe_unused]] const call_options& options,
                        argument_mistakes& wrong) const override {
      auto start = [&](const auto&... given) -> start_function {
        if constexpr (is_placed)
          if (where)
            return on(*where, options, f_, given...);
        if (where)
          return {};
        using open = typename drop_front<sizeof...(given), params>::type;
        if constexpr (start_routine<F>)
          return bind_arguments(f_, std::type_identity<open>{}, given...);
        else
          return here(f_, given...);
      };
      return with_arguments<params>(args, wrong, start);
    }

  private:
    F f_;
  };

  /// An actor of a class.
  template <class A, class... Args>
  class class_recipe final : public child_recipe {
    using params = std::tuple<Args...>;
    static constexpr bool is_placed = (travels<Args> && ...);

  public:
    std::vector<parameter_info> parameters() const override {
      return describe_parameters(std::type_identity<params>{});
    }

    bool leaves_open() const noexcept override {
      return false;
    }

    bool is_placeable() const noexcept override {
      return is_placed;
    }

    start_function make(std::span<const argument> args, const pool* where,
                        [[maybe_unused]] const call_options& options,
                        argument_mistakes& wrong) const override {
      auto values = read_arguments(std::type_identity<params>{}, args, wrong);
      if (!wrong.all.empty())
        return {};
      auto start = [&](const auto&... given) -> start_function {
        if constexpr (is_placed)
          if (where)
            return on<A>(*where, options, given...);
        if (where)
          return {};
        return here<A>(given...);
      };
      return std::apply(start, values);
    }
  };

} // namespace flame::detail
