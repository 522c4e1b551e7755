/// What can travel between parent and runner, and how it is encoded.
///
/// Arguments and results of calls travel as bytes. No registration and no type
/// ids are needed, because both ends are the same program. These types travel:
///
/// - numbers, `bool`, enums and `std::byte`
/// - strings, `std::filesystem::path`, `std::chrono` durations and time points
///   (the steady clock of another machine has another epoch)
/// - `vector`, `deque`, `list`, `array`, C arrays as members, `set`, `map` and
///   their multi and unordered kin, unless comparator or hash have state
/// - `pair`, `tuple`, `optional`, `variant`, `complex`, and `unique_ptr` to a
///   type without virtual functions, null included
/// - every type with an `inspect` function in CAF's sense and a default
///   constructor
/// - plain aggregates: no base class, no reference, constant, bit-field or
///   anonymous union among the members, at most 100 members
/// - empty classes, such as tags and lambdas without captures
/// - handles of actors that live in parent or runner, and `caf::error`,
///   `caf::message`, `caf::node_id`
///
/// and so do all their combinations. What refers to memory of its process does
/// not: pointers, references, `string_view`, `span`, `std::function`,
/// `shared_ptr`, threads, files. Values may be nested 256 deep: each container,
/// `unique_ptr` and `inspect` is a level.
///
/// Integers that stand for something local, such as file descriptors, travel
/// and mean nothing on the other side.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <limits>
#include <type_traits>
#include <utility>

#include "flame/detail/codec_aggregate.hpp"
#include "flame/detail/codec_base.hpp"
#include "flame/detail/codec_containers.hpp"
#include "flame/detail/codec_inspect.hpp"
#include "flame/detail/codec_io.hpp"
#include "flame/detail/codec_std.hpp"
#include "flame/error.hpp"

namespace flame::detail {

static_assert(std::endian::native == std::endian::little,
              "flame: encoded numbers are little-endian, as the machine is");

enum class codec_kind {
  none,
  boolean,
  number,
  enumeration,
  handle,
  bridged,
  inspected,
  empty,
  aggregate,
};

/// `inspect` wins over what the type happens to be.
template <class T>
consteval codec_kind class_kind() {
  if constexpr (is_actor_handle<T>)
    return codec_kind::handle;
  else if constexpr (bridged<T>)
    return codec_kind::bridged;
  else if constexpr (inspectable<T>)
    return std::default_initializable<T> ? codec_kind::inspected
                                         : codec_kind::none;
  else if constexpr (std::is_enum_v<T>)
    return codec_kind::enumeration;
  else if constexpr (
    std::is_empty_v<
      T> && std::is_trivially_copyable_v<T> && std::default_initializable<T>)
    return codec_kind::empty;
  else if constexpr (has_members<T>)
    return codec_kind::aggregate;
  else
    return codec_kind::none;
}

template <class T>
consteval codec_kind kind_of() {
  if constexpr (!std::is_same_v<T, std::remove_cv_t<T>>)
    return codec_kind::none;
  else if constexpr (std::is_same_v<T, bool>)
    return codec_kind::boolean;
  else if constexpr (std::is_arithmetic_v<T>)
    return codec_kind::number;
  else if constexpr (std::is_class_v<T> || std::is_enum_v<T>)
    return class_kind<T>();
  else
    return codec_kind::none;
}

template <class T, codec_kind = kind_of<T>()>
struct kind_codec {
  static constexpr bool is_number = false;

  template <class Seen>
  static constexpr bool travels = false;

  static constexpr std::size_t min_size() {
    return 0;
  }
};

struct travelling {
  static constexpr bool is_number = false;

  template <class Seen>
  static constexpr bool travels = true;
};

template <class T>
struct codec : kind_codec<T> {};

template <>
struct kind_codec<bool, codec_kind::boolean> : travelling {
  static constexpr std::size_t min_size() {
    return 1;
  }

  static void encode(writer& to, bool value) {
    to.byte(value ? 1 : 0);
  }

  static bool decode(reader& from) {
    return from.flag("a bool");
  }
};

template <class T>
struct kind_codec<T, codec_kind::number> : travelling {
  /// The 80-bit format of x86 leaves the rest of its 16 bytes undefined.
  static constexpr std::size_t size =
    std::is_same_v<T, long double> && std::numeric_limits<T>::digits == 64
      ? 10
      : sizeof(T);

  static constexpr std::size_t min_size() {
    return size;
  }

  static void encode(writer& to, T value) {
    to.raw(&value, size);
  }

  static T decode(reader& from) {
    T result{};
    from.raw(&result, size);
    return result;
  }
};

template <class T>
struct kind_codec<T, codec_kind::enumeration> : travelling {
  static constexpr bool is_number = true;

  using underlying = std::underlying_type_t<T>;

  static constexpr std::size_t min_size() {
    return codec<underlying>::min_size();
  }

  static void encode(writer& to, T value) {
    codec<underlying>::encode(to, static_cast<underlying>(value));
  }

  static T decode(reader& from) {
    return static_cast<T>(codec<underlying>::decode(from));
  }
};

template <class T>
struct kind_codec<T, codec_kind::handle> : travelling {
  static constexpr std::size_t min_size() {
    return 1;
  }

  static void encode(writer& to, const T& value) {
    save_handle(to, caf::actor_cast<caf::strong_actor_ptr>(value));
  }

  static T decode(reader& from) {
    return caf::actor_cast<T>(load_handle(from));
  }
};

template <class T>
struct kind_codec<T, codec_kind::bridged> : travelling {
  static constexpr std::size_t min_size() {
    return sizeof(std::uint64_t);
  }

  static void encode(writer& to, const T& value) {
    save_bridged(to, value);
  }

  static T decode(reader& from) {
    return load_bridged<T>(from);
  }
};

template <class T>
struct kind_codec<T, codec_kind::inspected> : travelling {
  static constexpr std::size_t min_size() {
    return 0;
  }

  static void encode(writer& to, const T& value) {
    auto guard = to.nest();
    save_inspector inspector{to};
    // An inspector that only reads state takes it by reference all the same.
    check_inspection("inspect() refused to save a value",
                     inspect(inspector, const_cast<T&>(value)));
  }

  static void fill(reader& from, T& value) {
    auto guard = from.nest();
    load_inspector inspector{from};
    check_inspection("inspect() refused to load a value",
                     inspect(inspector, value));
  }

  static T decode(reader& from) {
    T result{};
    fill(from, result);
    return result;
  }
};

template <class T>
struct kind_codec<T, codec_kind::empty> : travelling {
  static constexpr std::size_t min_size() {
    return 0;
  }

  static void encode(writer&, const T&) {
    // nop
  }

  static T decode(reader&) {
    return T{};
  }
};

template <class T, class Seen>
struct members_travel;

/// Assignability tells members that are references, which the members' types do
/// not show. It is asked last: GCC 12 forgets that a closure is trivially
/// copyable once its assignability has been asked.
template <class T, class... Seen>
struct members_travel<T, type_list<Seen...>> {
  template <std::size_t... Is>
  static consteval bool ask(std::index_sequence<Is...>) {
    if constexpr ((can_travel<member_type<Is, T>,
                              type_list<T, Seen...>> && ...))
      return std::is_move_assignable_v<T>;
    else
      return false;
  }

  static constexpr bool value = ask(std::make_index_sequence<members_of<T>>{});
};

template <class T>
struct kind_codec<T, codec_kind::aggregate> {
  using indices = std::make_index_sequence<members_of<T>>;

  static constexpr bool is_number = false;

  template <class Seen>
  static constexpr bool travels =
    std::disjunction_v<std::bool_constant<contains<T, Seen>>,
                       members_travel<T, Seen>>;

  static constexpr std::size_t min_size() {
    return []<std::size_t... Is>(std::index_sequence<Is...>) {
      return (codec<member_type<Is, T>>::min_size() + ...);
    }
    (indices{});
  }

  static void encode(writer& to, const T& value) {
    // A tie of references to constants would hide what the members are.
    auto members = tie_members(const_cast<T&>(value));
    [&]<std::size_t... Is>(std::index_sequence<Is...>) {
      (codec<member_type<Is, T>>::encode(to, std::get<Is>(members)), ...);
    }
    (indices{});
  }

  static void fill(reader& from, T& value) {
    auto members = tie_members(value);
    [&]<std::size_t... Is>(std::index_sequence<Is...>) {
      (decode_into(from, std::get<Is>(members)), ...);
    }
    (indices{});
  }

  static T decode(reader& from) {
    if constexpr (has_array_member<T>) {
      T result{};
      fill(from, result);
      return result;
    } else {
      return [&]<std::size_t... Is>(std::index_sequence<Is...>) {
        return T{codec<member_type<Is, T>>::decode(from)...};
      }
      (indices{});
    }
  }
};

template <class T>
void save_inspector::save(const T& member) {
  static_assert(can_travel<T, type_list<>>,
                "flame: a member that inspect() names cannot travel: it is a "
                "pointer, a view or a type without inspect() of its own");
  if constexpr (can_travel<T, type_list<>>)
    codec<T>::encode(to_, member);
}

template <class T>
void load_inspector::load(T& member) {
  static_assert(can_travel<T, type_list<>>,
                "flame: a member that inspect() names cannot travel: it is a "
                "pointer, a view or a type without inspect() of its own");
  if constexpr (can_travel<T, type_list<>>)
    decode_into(from_, member);
}

} // namespace flame::detail

namespace flame {

/// Whether values of `T` can be arguments and results of calls.
template <class T>
concept travels =
  std::is_object_v<T> && detail::can_travel<std::remove_cv_t<T>,
                                            detail::type_list<>>;

} // namespace flame

namespace flame::detail {

/// Appends `value` to what `to` writes. `call_error` with `errc::bad_payload`
/// if it holds something that cannot travel after all: a handle without actor
/// system, a valueless variant, too deep a nesting.
template <travels T>
void encode(writer& to, const T& value) {
  codec<std::remove_cv_t<T>>::encode(to, value);
}

/// Takes a `T` from what `from` reads.
template <travels T>
T decode(reader& from) {
  return codec<std::remove_cv_t<T>>::decode(from);
}

} // namespace flame::detail
