/// How a function of the program is named, and run where its name arrives.
#pragma once

#include <concepts>
#include <functional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "flame/codec.hpp"
#include "flame/detail/closure.hpp"
#include "flame/detail/invocation.hpp"
#include "flame/detail/thunk.hpp"

namespace flame::detail {

template <class T>
struct wire {
  using type = T;
};

/// Text that somebody else owns travels as a string of its own.
template <class T>
  requires std::same_as<T, const char*> || std::same_as<
    T, char*> || std::same_as<T, std::string_view>
struct wire<T> {
  using type = std::string;
};

/// The type as which an argument travels.
template <class T>
using wire_t = typename wire<std::decay_t<T>>::type;

template <class F, class... Args>
struct call_traits {
  static constexpr bool takes_stop_token =
    std::is_invocable_v<F&, std::stop_token, Args...>;

  static constexpr bool is_callable =
    takes_stop_token || std::is_invocable_v<F&, Args...>;

  static auto raw_result() {
    if constexpr (takes_stop_token)
      return std::type_identity<
        std::invoke_result_t<F&, std::stop_token, Args...>>{};
    else if constexpr (is_callable)
      return std::type_identity<std::invoke_result_t<F&, Args...>>{};
    else
      return std::type_identity<void>{};
  }

  /// What `flame::call` returns.
  using result = std::remove_cvref_t<typename decltype(raw_result())::type>;
};

/// Says in words what is wrong with a call, once per call.
template <class F, class... Args>
constexpr void check_call() {
  check_callable<F>();
  (check_argument<Args>(), ...);
  static_assert(
    call_traits<F, Args...>::is_callable,
    "flame: the function does not take these arguments: they arrive "
    "as values, so it takes each by value, by const reference or "
    "by rvalue reference");
  using result = typename call_traits<F, Args...>::result;
  if constexpr (!std::is_void_v<result>)
    check_result<result>();
}

/// The code that runs `F` with `Args` on a runner, and its registration.
template <class F, class... Args>
class function_thunk {
public:
  static void run(invocation& job) {
    auto f = decode_callable<F>(job.in);
    // Braces, so that arguments are decoded in the order they were encoded in.
    std::tuple<Args...> args{decode<Args>(job.in)...};
    job.in.finish();
    if constexpr (std::is_void_v<typename call_traits<F, Args...>::result>)
      invoke(f, job, args);
    else
      encode<typename call_traits<F, Args...>::result>(job.out,
                                                       invoke(f, job, args));
  }

  static inline const thunk registrar{
    thunk_kind::function, reinterpret_cast<thunk_entry>(&run),
    call_traits<F, Args...>::takes_stop_token, typeid(F)};

private:
  static decltype(auto) invoke(F& f, invocation& job,
                               std::tuple<Args...>& args) {
    return std::apply(
      [&](auto&... each) -> decltype(auto) {
        if constexpr (call_traits<F, Args...>::takes_stop_token)
          return std::invoke(f, job.stop, std::move(each)...);
        else
          return std::invoke(f, std::move(each)...);
      },
      args);
  }
};

} // namespace flame::detail
