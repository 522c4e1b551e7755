/// How a function that streams is named, and run where its name arrives.
#pragma once

#include <functional>
#include <stop_token>
#include <tuple>
#include <type_traits>

#include "flame/codec.hpp"
#include "flame/detail/closure.hpp"
#include "flame/detail/codec_base.hpp"
#include "flame/detail/function_thunk.hpp"
#include "flame/detail/invocation.hpp"
#include "flame/detail/thunk.hpp"

namespace flame {

template <class T>
class emitter;

template <class T>
class source;

} // namespace flame

namespace flame::detail {

/// The parameters of a function that is no template.
template <class F>
struct parameters {
  static constexpr bool are_known = false;
  using types = type_list<>;
};

template <class F>
  requires requires {
    &F::operator();
  }
struct parameters<F> : parameters<decltype(&F::operator())> {};

template <auto Function>
struct parameters<fn_t<Function>> : parameters<decltype(Function)> {};

template <class... Ps>
struct known_parameters {
  static constexpr bool are_known = true;
  using types = type_list<Ps...>;
};

template <class R, class... Ps>
struct parameters<R (*)(Ps...)> : known_parameters<Ps...> {};
template <class R, class... Ps>
struct parameters<R (*)(Ps...) noexcept> : known_parameters<Ps...> {};
template <class R, class C, class... Ps>
struct parameters<R (C::*)(Ps...)> : known_parameters<Ps...> {};
template <class R, class C, class... Ps>
struct parameters<R (C::*)(Ps...) const> : known_parameters<Ps...> {};
template <class R, class C, class... Ps>
struct parameters<R (C::*)(Ps...) noexcept> : known_parameters<Ps...> {};
template <class R, class C, class... Ps>
struct parameters<R (C::*)(Ps...) const noexcept> : known_parameters<Ps...> {};

/// What a function streams, from what its first parameters are:
/// `[std::stop_token,] [emitter<Out>&,] [source<In>&,] ...`. `void` where it
/// does not.
template <class List>
struct streamed {
  using out = void;
  using in = void;
};

template <class T, class U, class... Ps>
struct streamed<type_list<emitter<T>&, source<U>&, Ps...>> {
  using out = T;
  using in = U;
};

template <class T, class... Ps>
struct streamed<type_list<emitter<T>&, Ps...>> {
  using out = T;
  using in = void;
};

template <class T, class... Ps>
struct streamed<type_list<source<T>&, Ps...>> {
  using out = void;
  using in = T;
};

template <class... Ps>
struct streamed<type_list<std::stop_token, Ps...>>
  : streamed<type_list<Ps...>> {};

template <class List>
inline constexpr bool begins_with_stop_token = false;
template <class... Ps>
inline constexpr bool
  begins_with_stop_token<type_list<std::stop_token, Ps...>> = true;

template <class F>
struct stream_traits {
  using types = typename parameters<F>::types;
  using out = typename streamed<types>::out;
  using in = typename streamed<types>::in;
  static constexpr bool emits = !std::is_void_v<out>;
  static constexpr bool reads = !std::is_void_v<in>;
  static constexpr bool takes_stop_token = begins_with_stop_token<types>;
};

/// Calls `f` with what it streams through, then `args`.
template <class F, class Emitter, class Source, class Tuple>
decltype(auto) invoke_streaming(F& f, std::stop_token stop, Emitter* out,
                                Source* in, Tuple& args) {
  using traits = stream_traits<F>;
  return std::apply(
    [&](auto&... each) -> decltype(auto) {
      auto with_source = [&](auto&&... lead) -> decltype(auto) {
        if constexpr (traits::reads)
          return std::invoke(f, std::forward<decltype(lead)>(lead)..., *in,
                             std::move(each)...);
        else
          return std::invoke(f, std::forward<decltype(lead)>(lead)...,
                             std::move(each)...);
      };
      auto with_emitter = [&](auto&&... lead) -> decltype(auto) {
        if constexpr (traits::emits)
          return with_source(std::forward<decltype(lead)>(lead)..., *out);
        else
          return with_source(std::forward<decltype(lead)>(lead)...);
      };
      if constexpr (traits::takes_stop_token)
        return with_emitter(std::move(stop));
      else
        return with_emitter();
    },
    args);
}

template <class T>
using non_void = std::conditional_t<std::is_void_v<T>, char, T>;

template <class... Lists>
struct joined;

template <class... Ts>
struct joined<type_list<Ts...>> {
  using type = type_list<Ts...>;
};

template <class... Ts, class... Us, class... Rest>
struct joined<type_list<Ts...>, type_list<Us...>, Rest...>
  : joined<type_list<Ts..., Us...>, Rest...> {};

template <bool Condition, class T>
using list_if = std::conditional_t<Condition, type_list<T>, type_list<>>;

/// What the function is called with.
template <class F, class... Args>
using stream_arguments =
  typename joined<list_if<stream_traits<F>::takes_stop_token, std::stop_token>,
                  list_if<stream_traits<F>::emits,
                          emitter<non_void<typename stream_traits<F>::out>>&>,
                  list_if<stream_traits<F>::reads,
                          source<non_void<typename stream_traits<F>::in>>&>,
                  type_list<Args...>>::type;

template <class F, class List>
struct invocation_with {
  static constexpr bool is_possible = false;
  using result = void;
};

template <class F, class... Ps>
  requires std::is_invocable_v<F&, Ps...>
struct invocation_with<F, type_list<Ps...>> {
  static constexpr bool is_possible = true;
  using result = std::remove_cvref_t<std::invoke_result_t<F&, Ps...>>;
};

template <class F, class... Args>
using stream_invocation = invocation_with<F, stream_arguments<F, Args...>>;

/// What the function returns; `void` where it cannot be called so.
template <class F, class... Args>
using stream_result_of = typename stream_invocation<F, Args...>::result;

/// Says in words what is wrong with a stream, once per stream.
template <class F, class... Args>
constexpr void check_stream() {
  check_callable<F>();
  (check_argument<Args>(), ...);
  static_assert(parameters<F>::are_known,
                "flame: the parameters of the function must be written out: "
                "what it streams is told by its flame::emitter<T>& or "
                "flame::source<T>&");
  static_assert(stream_traits<F>::emits || stream_traits<F>::reads,
                "flame: the function does not stream: its first parameter, "
                "after a std::stop_token, is a flame::emitter<T>& or a "
                "flame::source<T>&; use flame::call for others");
  static_assert(
    stream_invocation<F, Args...>::is_possible,
    "flame: the function does not take these arguments: after what it "
    "streams through they arrive as values, so it takes each by value, by "
    "const reference or by rvalue reference");
  using result = stream_result_of<F, Args...>;
  if constexpr (!std::is_void_v<result>)
    check_result<result>();
  if constexpr (stream_traits<F>::emits)
    static_assert(travels<typename stream_traits<F>::out>,
                  "flame: the items cannot travel: give their type an "
                  "inspect() function or make it a plain aggregate");
  if constexpr (stream_traits<F>::reads)
    static_assert(travels<typename stream_traits<F>::in>,
                  "flame: the items cannot travel: give their type an "
                  "inspect() function or make it a plain aggregate");
}

/// The code that runs `F` with `Args` on a runner, and its registration.
template <class F, class... Args>
class stream_thunk {
  using traits = stream_traits<F>;
  using out_item = non_void<typename traits::out>;
  using in_item = non_void<typename traits::in>;
  using result = stream_result_of<F, Args...>;

public:
  static void run(invocation& job) {
    auto f = decode_callable<F>(job.in);
    std::tuple<Args...> args{decode<Args>(job.in)...};
    job.in.finish();
    emitter<out_item> out{job.items};
    source<in_item> in{job.items, traits::reads};
    if constexpr (std::is_void_v<result>)
      invoke_streaming(f, job.stop, &out, &in, args);
    else
      encode<result>(job.out, invoke_streaming(f, job.stop, &out, &in, args));
  }

  /// What stops the function also wakes it up where it waits for its lane, so
  /// there is a token in any case.
  static inline const thunk registrar{
    thunk_kind::function, reinterpret_cast<thunk_entry>(&run), true, typeid(F)};
};

} // namespace flame::detail
