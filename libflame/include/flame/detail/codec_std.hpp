/// How the types of the standard library are encoded that are no containers.
#pragma once

#include <array>
#include <chrono>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "flame/detail/codec_base.hpp"
#include "flame/detail/codec_containers.hpp"
#include "flame/detail/codec_io.hpp"

namespace flame::detail {

template <>
struct codec<std::filesystem::path> {
  using text = codec<std::filesystem::path::string_type>;

  template <class Seen>
  static constexpr bool travels = true;

  static constexpr std::size_t min_size() {
    return text::min_size();
  }

  static void encode(writer& to, const std::filesystem::path& value) {
    text::encode(to, value.native());
  }

  static std::filesystem::path decode(reader& from) {
    return std::filesystem::path{text::decode(from)};
  }
};

/// Values one after the other, for pairs and tuples.
template <class Tuple, class... Ts>
struct product_codec {
  template <class Seen>
  static constexpr bool travels = (can_travel<Ts, Seen> && ...);

  static constexpr std::size_t min_size() {
    return (std::size_t{0} + ... + codec<Ts>::min_size());
  }

  static void encode([[maybe_unused]] writer& to, const Tuple& value) {
    std::apply(
      [&](const Ts&... parts) {
        (codec<Ts>::encode(to, parts), ...);
      },
      value);
  }

  static Tuple decode([[maybe_unused]] reader& from) {
    return Tuple{codec<Ts>::decode(from)...};
  }
};

template <class A, class B>
struct codec<std::pair<A, B>> : product_codec<std::pair<A, B>, A, B> {};

template <class... Ts>
struct codec<std::tuple<Ts...>> : product_codec<std::tuple<Ts...>, Ts...> {};

template <class T>
struct codec<std::complex<T>> {
  template <class Seen>
  static constexpr bool travels = can_travel<T, Seen>;

  static constexpr std::size_t min_size() {
    return 2 * codec<T>::min_size();
  }

  static void encode(writer& to, const std::complex<T>& value) {
    codec<T>::encode(to, value.real());
    codec<T>::encode(to, value.imag());
  }

  static std::complex<T> decode(reader& from) {
    auto real = codec<T>::decode(from);
    return {real, codec<T>::decode(from)};
  }
};

template <class T>
struct codec<std::optional<T>> {
  template <class Seen>
  static constexpr bool travels = can_travel<T, Seen>;

  static constexpr std::size_t min_size() {
    return 1;
  }

  static void encode(writer& to, const std::optional<T>& value) {
    to.byte(value ? 1 : 0);
    if (value)
      codec<T>::encode(to, *value);
  }

  static std::optional<T> decode(reader& from) {
    if (!from.flag("an optional"))
      return std::nullopt;
    return std::optional<T>{std::in_place, codec<T>::decode(from)};
  }
};

template <class T>
struct codec<std::unique_ptr<T>> {
  template <class Seen>
  static constexpr bool travels =
    !std::is_array_v<
      T> && !std::is_polymorphic_v<T> && !std::is_const_v<T> && can_travel<T, Seen>;

  static constexpr std::size_t min_size() {
    return 1;
  }

  static void encode(writer& to, const std::unique_ptr<T>& value) {
    auto guard = to.nest();
    to.byte(value ? 1 : 0);
    if (value)
      codec<T>::encode(to, *value);
  }

  static std::unique_ptr<T> decode(reader& from) {
    auto guard = from.nest();
    if (!from.flag("a unique_ptr"))
      return nullptr;
    return std::unique_ptr<T>{new T(codec<T>::decode(from))};
  }
};

template <class... Ts>
struct codec<std::variant<Ts...>> {
  using variant = std::variant<Ts...>;

  template <class Seen>
  static constexpr bool travels = sizeof...(Ts) <= 255
                                  && (can_travel<Ts, Seen> && ...);

  static constexpr std::size_t min_size() {
    return 1;
  }

  static void encode(writer& to, const variant& value) {
    if (value.valueless_by_exception())
      bad_payload("a variant without a value cannot travel");
    to.byte(static_cast<std::uint8_t>(value.index()));
    std::visit(
      [&to]<class T>(const T& held) {
        codec<T>::encode(to, held);
      },
      value);
  }

  static variant decode(reader& from) {
    auto index = from.byte();
    if (index >= sizeof...(Ts))
      bad_payload("a variant has no alternative " + std::to_string(index));
    return alternatives(std::index_sequence_for<Ts...>{})[index](from);
  }

private:
  template <std::size_t Index>
  static variant decode_alternative(reader& from) {
    using type = std::variant_alternative_t<Index, variant>;
    return variant{std::in_place_index<Index>, codec<type>::decode(from)};
  }

  template <std::size_t... Is>
  static auto alternatives(std::index_sequence<Is...>) {
    return std::array{&decode_alternative<Is>...};
  }
};

template <class Rep, class Period>
struct codec<std::chrono::duration<Rep, Period>> {
  using duration = std::chrono::duration<Rep, Period>;

  template <class Seen>
  static constexpr bool travels = can_travel<Rep, Seen>;

  static constexpr std::size_t min_size() {
    return codec<Rep>::min_size();
  }

  static void encode(writer& to, const duration& value) {
    codec<Rep>::encode(to, value.count());
  }

  static duration decode(reader& from) {
    return duration{codec<Rep>::decode(from)};
  }
};

template <class Clock, class Duration>
struct codec<std::chrono::time_point<Clock, Duration>> {
  using time_point = std::chrono::time_point<Clock, Duration>;

  template <class Seen>
  static constexpr bool travels = can_travel<Duration, Seen>;

  static constexpr std::size_t min_size() {
    return codec<Duration>::min_size();
  }

  static void encode(writer& to, const time_point& value) {
    codec<Duration>::encode(to, value.time_since_epoch());
  }

  static time_point decode(reader& from) {
    return time_point{codec<Duration>::decode(from)};
  }
};

} // namespace flame::detail
