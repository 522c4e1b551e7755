/// Arguments of children as a configuration file gives them, and how they are
/// read as the parameters of a function.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <ratio>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <unordered_map>
#include <utility>
#include <vector>

#include "flame/detail/export.hpp"
#include "flame/options.hpp"

namespace flame::detail {

/// A value in a file.
struct argument {
  enum class kind : unsigned char {
    nothing,
    scalar,
    list,
    map,
    /// Its mistake has been told already.
    broken,
  };

  kind what = kind::nothing;

  /// Of a scalar.
  std::string text = {};

  /// Of a list or a map, in the order of the file.
  std::vector<argument> items = {};

  /// In a map.
  std::string key = {};

  /// `file:line:column`
  std::string where = {};
};

/// What is wrong with arguments.
struct FLAME_EXPORT argument_mistakes {
  struct entry {
    /// From 0.
    std::size_t argument;
    std::string where;
    std::string text;
  };

  void add(const argument& at, std::string text);

  /// The argument that is being read.
  std::size_t current = 0;

  std::vector<entry> all;
};

// Each tells a mistake and returns something if the value is not right.

FLAME_EXPORT bool read_flag(const argument& from, argument_mistakes& wrong);
FLAME_EXPORT std::int64_t read_signed(const argument& from, std::int64_t low,
                                      std::int64_t high,
                                      argument_mistakes& wrong);
FLAME_EXPORT std::uint64_t read_unsigned(const argument& from,
                                         std::uint64_t high,
                                         argument_mistakes& wrong);
FLAME_EXPORT double read_real(const argument& from, double highest,
                              argument_mistakes& wrong);
FLAME_EXPORT std::string read_text(const argument& from,
                                   argument_mistakes& wrong);
FLAME_EXPORT duration read_time(const argument& from, argument_mistakes& wrong);
FLAME_EXPORT bool expect(argument::kind what, const argument& from,
                         argument_mistakes& wrong);

FLAME_EXPORT std::string whole_number(std::int64_t low, std::uint64_t high);
FLAME_EXPORT std::string name_of_type(const std::type_info& type);

/// How a parameter of type `T` is read. By default it cannot be, as a file
/// cannot give it.
template <class T>
struct parameter {
  static constexpr bool is_readable = false;

  static std::string name() {
    return name_of_type(typeid(T));
  }
};

template <>
struct parameter<bool> {
  static constexpr bool is_readable = true;

  static std::string name() {
    return "true or false";
  }

  static bool read(const argument& from, argument_mistakes& wrong) {
    return read_flag(from, wrong);
  }
};

/// Not those that stand for letters.
template <class T>
concept readable_integer =
  std::integral<T> && !std::same_as<
    T,
    bool> && !std::same_as<T, char> && !std::same_as<T, wchar_t> && !std::same_as<T, char8_t> && !std::same_as<T, char16_t> && !std::same_as<T, char32_t>;

template <readable_integer T>
struct parameter<T> {
  using limits = std::numeric_limits<T>;

  static constexpr bool is_readable = true;

  static std::string name() {
    return whole_number(static_cast<std::int64_t>(limits::min()),
                        static_cast<std::uint64_t>(limits::max()));
  }

  static T read(const argument& from, argument_mistakes& wrong) {
    if constexpr (std::is_signed_v<T>)
      return static_cast<T>(
        read_signed(from, limits::min(), limits::max(), wrong));
    else
      return static_cast<T>(read_unsigned(from, limits::max(), wrong));
  }
};

template <class T>
  requires std::same_as<T, float> || std::same_as<T, double>
struct parameter<T> {
  static constexpr bool is_readable = true;

  static std::string name() {
    return "a number";
  }

  static T read(const argument& from, argument_mistakes& wrong) {
    return static_cast<T>(
      read_real(from, std::numeric_limits<T>::max(), wrong));
  }
};

template <>
struct parameter<std::string> {
  static constexpr bool is_readable = true;

  static std::string name() {
    return "text";
  }

  static std::string read(const argument& from, argument_mistakes& wrong) {
    return read_text(from, wrong);
  }
};

/// Those that nanoseconds can be a whole number of, or a fraction.
template <class Rep, class Period>
  requires(std::ratio_divide<Period, std::nano>::den == 1)
struct parameter<std::chrono::duration<Rep, Period>> {
  using type = std::chrono::duration<Rep, Period>;

  static constexpr bool is_readable = true;

  static std::string name() {
    return "a time span";
  }

  static type read(const argument& from, argument_mistakes& wrong) {
    auto time = read_time(from, wrong);
    if (time == infinite)
      return type::max();
    if constexpr (std::floating_point<Rep>) {
      return std::chrono::duration_cast<type>(time);
    } else {
      constexpr auto unit = std::ratio_divide<Period, std::nano>::num;
      auto count = time.count() / unit;
      if (time.count() % unit != 0)
        wrong.add(from, '`' + from.text + "` is finer than the parameter is");
      else if (!std::in_range<Rep>(count))
        wrong.add(from, '`' + from.text + "` is too long");
      return type{static_cast<Rep>(count)};
    }
  }
};

template <class T>
struct parameter<std::optional<T>> {
  static constexpr bool is_readable = parameter<T>::is_readable;

  static std::string name() {
    return parameter<T>::name() + ", or null";
  }

  static std::optional<T> read(const argument& from, argument_mistakes& wrong) {
    if (from.what == argument::kind::nothing)
      return std::nullopt;
    return parameter<T>::read(from, wrong);
  }
};

template <class T>
struct parameter<std::vector<T>> {
  static constexpr bool is_readable = parameter<T>::is_readable;

  static std::string name() {
    return "a list, each " + parameter<T>::name();
  }

  static std::vector<T> read(const argument& from, argument_mistakes& wrong) {
    std::vector<T> result;
    if (expect(argument::kind::list, from, wrong))
      for (auto& item : from.items)
        result.push_back(parameter<T>::read(item, wrong));
    return result;
  }
};

template <class Map>
struct map_parameter {
  using key_parameter = parameter<typename Map::key_type>;
  using value_parameter = parameter<typename Map::mapped_type>;

  static constexpr bool is_readable =
    key_parameter::is_readable && value_parameter::is_readable;

  static std::string name() {
    return "a map, each key " + key_parameter::name() + ", each value "
           + value_parameter::name();
  }

  static Map read(const argument& from, argument_mistakes& wrong) {
    Map result;
    if (!expect(argument::kind::map, from, wrong))
      return result;
    for (auto& item : from.items) {
      argument key{argument::kind::scalar, item.key};
      key.where = item.where;
      result.insert_or_assign(key_parameter::read(key, wrong),
                              value_parameter::read(item, wrong));
    }
    return result;
  }
};

template <class K, class V>
struct parameter<std::map<K, V>> : map_parameter<std::map<K, V>> {};

template <class K, class V>
struct parameter<std::unordered_map<K, V>>
  : map_parameter<std::unordered_map<K, V>> {};

template <class T>
inline constexpr bool is_optional = false;

template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

/// What is told about a parameter.
struct parameter_info {
  /// In words.
  std::string type;
  bool is_readable;
  /// Whether `null` is a value of it.
  bool is_optional;
};

template <class... Ts>
std::vector<parameter_info> describe_parameters(
  std::type_identity<std::tuple<Ts...>> /*parameters*/) {
  return {parameter_info{parameter<Ts>::name(), parameter<Ts>::is_readable,
                         is_optional<Ts>}...};
}

/// Reads as many arguments as there are types.
template <class... Ts>
std::tuple<Ts...> read_arguments(std::type_identity<std::tuple<Ts...>> /*as*/,
                                 std::span<const argument> from,
                                 argument_mistakes& wrong) {
  [[maybe_unused]] std::size_t next = 0;
  [[maybe_unused]] auto read = [&]<class T>(std::type_identity<T>) {
    wrong.current = next++;
    return parameter<T>::read(from[wrong.current], wrong);
  };
  // Braces, so that they are read in their order.
  return std::tuple<Ts...>{read(std::type_identity<Ts>{})...};
}

} // namespace flame::detail
