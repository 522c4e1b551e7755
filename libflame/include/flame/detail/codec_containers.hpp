/// How the containers of the standard library are encoded.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <iterator>
#include <list>
#include <map>
#include <set>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "flame/detail/codec_base.hpp"
#include "flame/detail/codec_io.hpp"

namespace flame::detail {

/// Reads numbers from bytes of any alignment: a container that is filled from
/// a range of these neither zeroes its memory first nor grows in steps.
template <class T>
class number_iterator {
public:
  using iterator_category = std::random_access_iterator_tag;
  using value_type = T;
  using difference_type = std::ptrdiff_t;
  using pointer = const T*;
  using reference = T;

  explicit number_iterator(const std::byte* at) noexcept : at_(at) {
    // nop
  }

  T operator*() const noexcept {
    T result;
    std::memcpy(&result, at_, sizeof(T));
    return result;
  }

  number_iterator& operator++() noexcept {
    at_ += sizeof(T);
    return *this;
  }

  number_iterator operator++(int) noexcept {
    auto result = *this;
    ++*this;
    return result;
  }

  number_iterator& operator+=(difference_type count) noexcept {
    at_ += count * static_cast<difference_type>(sizeof(T));
    return *this;
  }

  friend difference_type operator-(number_iterator a,
                                   number_iterator b) noexcept {
    return (a.at_ - b.at_) / static_cast<difference_type>(sizeof(T));
  }

  friend bool operator==(number_iterator, number_iterator) = default;

private:
  const std::byte* at_;
};

/// An element takes a byte at least, so that the number of elements is bounded
/// by the bytes that were sent.
template <class T>
constexpr std::size_t min_element_size() {
  return codec<T>::min_size() == 0 ? 1 : codec<T>::min_size();
}

template <class T>
void encode_element(writer& to, const T& value) {
  if constexpr (codec<T>::min_size() == 0)
    to.byte(0);
  codec<T>::encode(to, value);
}

template <class T>
T decode_element(reader& from) {
  if constexpr (codec<T>::min_size() == 0)
    if (from.byte() != 0)
      bad_payload("an element does not begin where it should");
  return codec<T>::decode(from);
}

template <class Range>
void encode_elements(writer& to, const Range& range) {
  using element = typename Range::value_type;
  auto guard = to.nest();
  to.length(range.size());
  for (const element& value : range)
    encode_element(to, value);
}

/// Room for `count` elements, but not for more than the bytes that are there
/// could fill: elements may be far larger than their encoding.
template <class T>
std::size_t sensible_capacity(const reader& from, std::size_t count) {
  return std::min(count, from.remaining() / sizeof(T) + 1);
}

template <class Container>
struct list_codec {
  using element = typename Container::value_type;

  template <class Seen>
  static constexpr bool travels = can_travel<element, Seen>;

  static constexpr std::size_t min_size() {
    return sizeof(std::uint64_t);
  }

  static void encode(writer& to, const Container& value) {
    encode_elements(to, value);
  }

  static Container decode(reader& from) {
    auto guard = from.nest();
    auto count = from.length(min_element_size<element>());
    Container result;
    if constexpr (requires { result.reserve(count); })
      result.reserve(sensible_capacity<element>(from, count));
    for (; count != 0; --count)
      result.push_back(decode_element<element>(from));
    return result;
  }
};

template <class T, class Allocator>
struct codec<std::deque<T, Allocator>> : list_codec<std::deque<T, Allocator>> {
};

template <class T, class Allocator>
struct codec<std::list<T, Allocator>> : list_codec<std::list<T, Allocator>> {};

/// Vectors and strings: numbers are copied in one go.
template <class Container>
struct block_codec {
  using element = typename Container::value_type;

  template <class Seen>
  static constexpr bool travels = can_travel<element, Seen>;

  static constexpr std::size_t min_size() {
    return sizeof(std::uint64_t);
  }

  static void encode(writer& to, const Container& value) {
    if constexpr (is_plain_number<element>) {
      to.length(value.size());
      to.raw(value.data(), value.size() * sizeof(element));
    } else {
      encode_elements(to, value);
    }
  }

  static Container decode(reader& from) {
    if constexpr (is_plain_number<element>) {
      auto count = from.length(sizeof(element));
      auto* bytes = from.take(count * sizeof(element));
      if constexpr (sizeof(element) == 1) {
        auto* first = reinterpret_cast<const element*>(bytes);
        return Container(first, first + count);
      } else {
        using iterator = number_iterator<element>;
        return Container(iterator{bytes},
                         iterator{bytes + count * sizeof(element)});
      }
    } else {
      return list_codec<Container>::decode(from);
    }
  }
};

template <class T, class Allocator>
struct codec<std::vector<T, Allocator>>
  : block_codec<std::vector<T, Allocator>> {};

template <class T, class Traits, class Allocator>
struct codec<std::basic_string<T, Traits, Allocator>>
  : block_codec<std::basic_string<T, Traits, Allocator>> {};

template <class Set, class... Policies>
struct set_codec {
  using element = typename Set::value_type;

  template <class Seen>
  static constexpr bool travels =
    can_travel<element, Seen>&& are_stateless<Policies...>;

  static constexpr std::size_t min_size() {
    return sizeof(std::uint64_t);
  }

  static void encode(writer& to, const Set& value) {
    encode_elements(to, value);
  }

  static Set decode(reader& from) {
    auto guard = from.nest();
    Set result;
    auto count = from.length(min_element_size<element>());
    for (; count != 0; --count)
      result.insert(result.end(), decode_element<element>(from));
    return result;
  }
};

template <class T, class C, class A>
struct codec<std::set<T, C, A>> : set_codec<std::set<T, C, A>, C> {};

template <class T, class C, class A>
struct codec<std::multiset<T, C, A>> : set_codec<std::multiset<T, C, A>, C> {};

template <class T, class H, class E, class A>
struct codec<std::unordered_set<T, H, E, A>>
  : set_codec<std::unordered_set<T, H, E, A>, H, E> {};

template <class T, class H, class E, class A>
struct codec<std::unordered_multiset<T, H, E, A>>
  : set_codec<std::unordered_multiset<T, H, E, A>, H, E> {};

template <class Map, class... Policies>
struct map_codec {
  using key = typename Map::key_type;
  using mapped = typename Map::mapped_type;

  template <class Seen>
  static constexpr bool travels = can_travel<key, Seen>&&
    can_travel<mapped, Seen>&& are_stateless<Policies...>;

  static constexpr std::size_t min_size() {
    return sizeof(std::uint64_t);
  }

  static void encode(writer& to, const Map& value) {
    auto guard = to.nest();
    to.length(value.size());
    for (const auto& [name, content] : value) {
      encode_element(to, name);
      codec<mapped>::encode(to, content);
    }
  }

  static Map decode(reader& from) {
    auto guard = from.nest();
    Map result;
    auto count = from.length(min_element_size<key>());
    for (; count != 0; --count) {
      auto name = decode_element<key>(from);
      result.emplace_hint(result.end(), std::move(name),
                          codec<mapped>::decode(from));
    }
    return result;
  }
};

template <class K, class T, class C, class A>
struct codec<std::map<K, T, C, A>> : map_codec<std::map<K, T, C, A>, C> {};

template <class K, class T, class C, class A>
struct codec<std::multimap<K, T, C, A>>
  : map_codec<std::multimap<K, T, C, A>, C> {};

template <class K, class T, class H, class E, class A>
struct codec<std::unordered_map<K, T, H, E, A>>
  : map_codec<std::unordered_map<K, T, H, E, A>, H, E> {};

template <class K, class T, class H, class E, class A>
struct codec<std::unordered_multimap<K, T, H, E, A>>
  : map_codec<std::unordered_multimap<K, T, H, E, A>, H, E> {};

/// What `T[Size]` and `std::array` have in common.
template <class T, std::size_t Size>
struct array_elements {
  template <class Seen>
  static constexpr bool travels = can_travel<T, Seen>;

  static constexpr std::size_t min_size() {
    return Size * codec<T>::min_size();
  }

  static void encode(writer& to, const T* values) {
    if constexpr (is_plain_number<T>)
      to.raw(values, Size * sizeof(T));
    else
      for (std::size_t index = 0; index < Size; ++index)
        codec<T>::encode(to, values[index]);
  }

  static void fill(reader& from, T* values) {
    if constexpr (is_plain_number<T>)
      from.raw(values, Size * sizeof(T));
    else
      for (std::size_t index = 0; index < Size; ++index)
        decode_into(from, values[index]);
  }
};

template <class T, std::size_t Size>
struct codec<T[Size]> : array_elements<T, Size> {};

template <class T, std::size_t Size>
struct codec<std::array<T, Size>> {
  using elements = array_elements<T, Size>;
  using array = std::array<T, Size>;

  template <class Seen>
  static constexpr bool travels = can_travel<T, Seen>;

  static constexpr std::size_t min_size() {
    return elements::min_size();
  }

  static void encode(writer& to, const array& value) {
    elements::encode(to, value.data());
  }

  static array decode(reader& from) {
    if constexpr (std::is_default_constructible_v<T>) {
      array result{};
      elements::fill(from, result.data());
      return result;
    } else {
      return [&]<std::size_t... Is>(std::index_sequence<Is...>) {
        return array{{((void)Is, codec<T>::decode(from))...}};
      }
      (std::make_index_sequence<Size>{});
    }
  }
};

} // namespace flame::detail
