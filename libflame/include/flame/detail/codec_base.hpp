/// What the codecs of all types have in common.
#pragma once

#include <type_traits>

#include "flame/detail/codec_io.hpp"

namespace flame::detail {

template <class... Ts>
struct type_list {};

template <class T, class List>
inline constexpr bool contains = false;

template <class T, class... Ts>
inline constexpr bool contains<T, type_list<Ts...>> =
  (std::is_same_v<T, Ts> || ...);

/// How `T` is encoded. `travels<Seen>` tells whether it is, where `Seen` are
/// the classes that it is part of: they may be recursive. `min_size()` is a
/// lower bound of the encoded size.
template <class T>
struct codec;

template <class T, class Seen>
inline constexpr bool can_travel = codec<T>::template travels<Seen>;

/// Numbers whose bytes in memory are their encoding.
template <class T>
inline constexpr bool is_plain_number =
  std::is_arithmetic_v<
    T> && !std::is_same_v<T, bool> && !std::is_same_v<T, long double>;

template <class T>
  requires std::is_enum_v<T>
inline constexpr bool is_plain_number<T> =
  is_plain_number<std::underlying_type_t<T>> && codec<T>::is_number;

/// Stateless, so that a default-constructed one is as good as the sender's.
template <class... Ts>
inline constexpr bool are_stateless =
  ((std::is_empty_v<Ts> && std::is_default_constructible_v<Ts>)&&...);

/// Decodes into an object that is there already.
template <class T>
void decode_into(reader& from, T& value) {
  if constexpr (requires { codec<T>::fill(from, value); })
    codec<T>::fill(from, value);
  else
    value = codec<T>::decode(from);
}

} // namespace flame::detail
