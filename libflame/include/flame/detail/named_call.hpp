/// How a function with a name is called: see `flame/function.hpp`.
#pragma once

#include <concepts>
#include <stop_token>
#include <string_view>
#include <type_traits>
#include <typeinfo>

#include "flame/detail/function_thunk.hpp"

namespace flame::detail {

/// Specialised by `FLAME_FUNCTION`, with the thunk as `registrar`.
template <auto Function>
struct function_name {};

template <class F>
inline constexpr bool has_name = false;

template <auto Function>
  requires requires {
    function_name<Function>::registrar;
  }
inline constexpr bool has_name<fn_t<Function>> = true;

/// `flame::fn<&f>` of a function `f` that has a name.
template <class F>
concept named_callable = has_name<F>;

/// What travels is of the types that the function takes: another build knows
/// nothing of what is passed to it here.
template <auto Function, class R, class... Args>
struct named_call_as {
  static thunk make_thunk(std::string_view name) noexcept {
    using callable = fn_t<Function>;
    check_call<callable, Args...>();
    return thunk{
      thunk_kind::function,
      reinterpret_cast<thunk_entry>(&function_thunk<callable, Args...>::run),
      call_traits<callable, Args...>::takes_stop_token,
      typeid(callable),
      name,
      typeid(R(Args...))};
  }

  template <class... From>
  static void encode_arguments(writer& to, const From&... from) {
    (encode_as<Args>(to, from), ...);
  }

private:
  template <class To, class From>
  static void encode_as(writer& to, const From& from) {
    if constexpr (std::same_as<To, From>)
      encode<To>(to, from);
    else
      encode<To>(to, static_cast<To>(from));
  }
};

template <auto Function, class Signature>
struct named_call_of;

template <auto Function, class R, class... Params>
struct named_call_of<Function, R (*)(Params...)> {
  using type =
    named_call_as<Function, std::remove_cvref_t<R>, wire_t<Params>...>;
};

// The stop token does not travel.
template <auto Function, class R, class... Params>
struct named_call_of<Function, R (*)(std::stop_token, Params...)>
  : named_call_of<Function, R (*)(Params...)> {};

template <auto Function, class R, class... Params>
struct named_call_of<Function, R (*)(Params...) noexcept>
  : named_call_of<Function, R (*)(Params...)> {};

template <auto Function, class R, class... Params>
struct named_call_of<Function, R (*)(std::stop_token, Params...) noexcept>
  : named_call_of<Function, R (*)(Params...)> {};

template <auto Function>
using named_call = typename named_call_of<Function, decltype(Function)>::type;

} // namespace flame::detail
