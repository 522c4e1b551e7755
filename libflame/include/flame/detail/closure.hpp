/// Which callables can be sent to a runner, and how.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <functional>
#include <type_traits>
#include <utility>

#include "flame/codec.hpp"
#include "flame/detail/thunk.hpp"

namespace flame {

/// A function as a callable without state: see `fn`.
template <auto Function>
struct fn_t {
  template <class... Args>
    requires std::invocable<decltype(Function), Args...>
  constexpr decltype(auto) operator()(Args&&... args) const {
    return std::invoke(Function, std::forward<Args>(args)...);
  }
};

/// Names a function, or a member function, at compile time, so that nothing
/// about it has to be looked up at run time:
///
///     flame::call(pool, flame::fn<&resize>, picture, 640);
template <auto Function>
inline constexpr fn_t<Function> fn{};

} // namespace flame

namespace flame::detail {

template <class F>
struct object_bytes {
  unsigned char bytes[sizeof(F)];
};

/// Whether the bytes of an `F` mean the same in another process of the same
/// program: no pointer, reference or union in it. It is those that make a bit
/// cast ill-formed in a constant expression; being trivially copyable does not
/// tell, as references are that too.
///
/// GCC 12 has two bugs here. Once the assignability of a closure has been
/// asked, it is no longer trivially copyable, so that is never to be asked
/// before. And bit casts do not look into arrays: an array of pointers, or of
/// classes with pointers, passes. Clang refuses it.
template <class F>
concept plain_capture =
  std::is_class_v<F> && std::is_trivially_copyable_v<F> && requires {
  typename std::bool_constant<((void)__builtin_bit_cast(F, object_bytes<F>{}),
                               true)>;
};

template <class F>
concept function_pointer =
  std::is_pointer_v<F> && std::is_function_v<std::remove_pointer_t<F>>;

/// A class whose author says by `inspect` how its state travels.
template <class F>
concept inspectable_callable =
  std::is_class_v<F> && inspectable<F> && travels<F>;

template <class F>
concept shippable_callable =
  function_pointer<F> || inspectable_callable<F> || plain_capture<F>;

/// Padding would otherwise carry whatever was on the sender's stack.
template <class F>
void clear_padding([[maybe_unused]] F& object) {
#if defined(__has_builtin)
#if __has_builtin(__builtin_clear_padding)
  __builtin_clear_padding(&object);
#endif
#endif
}

template <plain_capture F>
void encode_captures(writer& to, const F& callable) {
  if constexpr (!std::is_empty_v<F>) {
    auto copy = callable;
    clear_padding(copy);
    to.raw(&copy, sizeof(F));
  }
}

template <plain_capture F>
F decode_captures(reader& from) {
  object_bytes<F> object{};
  if constexpr (!std::is_empty_v<F>)
    from.raw(object.bytes, sizeof(F));
  return std::bit_cast<F>(object);
}

/// Appends what makes `callable` differ from others of its type. `call_error`
/// with `errc::bad_payload` for a null function pointer, and with
/// `errc::unknown_function` for one that no other process could look up.
template <shippable_callable F>
void encode_callable(writer& to, const F& callable) {
  if constexpr (function_pointer<F>) {
    if (callable == nullptr)
      bad_payload("a null function pointer cannot be called");
    auto token = token_of_function(reinterpret_cast<const void*>(callable));
    encode(to, token);
  } else if constexpr (inspectable_callable<F>) {
    encode(to, callable);
  } else {
    encode_captures(to, callable);
  }
}

/// Rebuilds a callable. `call_error` with `errc::unknown_function` if it is a
/// pointer to a function that this process does not have.
template <shippable_callable F>
F decode_callable(reader& from) {
  if constexpr (function_pointer<F>)
    return reinterpret_cast<F>(
      const_cast<void*>(find_function(decode<thunk_token>(from))));
  else if constexpr (inspectable_callable<F>)
    return decode<F>(from);
  else
    return decode_captures<F>(from);
}

/// Explains at compile time why an `F` cannot be sent. `F` is decayed.
template <class F>
constexpr bool check_callable() {
  static_assert(!std::is_member_pointer_v<F>,
                "flame: a pointer to a member cannot travel: write "
                "flame::fn<&type::member>, or a lambda that calls it");
  static_assert(
    std::is_member_pointer_v<F> || shippable_callable<F>,
    "flame: the function captures something that cannot travel (a reference, a "
    "pointer, `this`, a view or a non-trivial object): pass it as an argument "
    "instead");
  return shippable_callable<F>;
}

/// Explains at compile time why a `T` cannot be an argument. `T` is decayed.
template <class T>
constexpr bool check_argument() {
  static_assert(travels<T>,
                "flame: an argument cannot travel: give its type an inspect() "
                "function or make it a plain aggregate");
  return travels<T>;
}

/// Explains at compile time why a `T` cannot be a result. `void` can.
template <class T>
constexpr bool check_result() {
  static_assert(std::is_void_v<T> || travels<T>,
                "flame: the result cannot travel: return a value whose type "
                "has an inspect() function or is a plain aggregate");
  return std::is_void_v<T> || travels<T>;
}

} // namespace flame::detail
