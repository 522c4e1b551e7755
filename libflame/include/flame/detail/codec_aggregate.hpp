/// The members of a plain aggregate.
///
/// Boost.PFR binds the members, but they are counted here: it counts an array
/// once per element, fails hard on aggregates with bases, and GCC 12 has an
/// internal error in its counting when a member is an array of strings.
#pragma once

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

#include <boost/pfr/core.hpp>

namespace flame::detail {

struct any_copyable {
  template <class T>
  operator T&() const&& noexcept;
  template <class T>
  operator T&() const& noexcept;
};

struct any_movable {
  template <class T>
  operator T() const&& noexcept;
};

template <class T, std::size_t>
using any_member = std::conditional_t<std::is_copy_constructible_v<T>,
                                      any_copyable, any_movable>;

template <class T>
struct any_base_of {
  template <class Base>
    requires(std::is_base_of_v<Base, T> && !std::is_same_v<Base, T>)
  operator Base() const noexcept;
};

template <class T>
concept aggregate_without_base =
  std::is_class_v<T> && std::is_aggregate_v<T> && !requires {
  T{any_base_of<T>{}};
};

template <class T, std::size_t... Is>
constexpr bool takes_initialisers(std::index_sequence<Is...>) {
  return requires {
    T{any_member<T, Is>{}...};
  };
}

template <class T, std::size_t Count>
inline constexpr bool takes =
  takes_initialisers<T>(std::make_index_sequence<Count>{});

/// The largest number of initialisers in [Low, High) that `T` takes.
template <class T, std::size_t Low, std::size_t High>
constexpr std::size_t search_initialisers() {
  if constexpr (High - Low == 1) {
    return Low;
  } else {
    constexpr auto middle = Low + (High - Low) / 2;
    if constexpr (takes<T, middle>)
      return search_initialisers<T, middle, High>();
    else
      return search_initialisers<T, Low, middle>();
  }
}

/// As `T` takes `Count`, it takes fewer than some power of two beyond.
template <class T, std::size_t Count>
constexpr std::size_t bound_initialisers() {
  if constexpr (takes<T, 2 * Count>)
    return bound_initialisers<T, 2 * Count>();
  else
    return search_initialisers<T, Count, 2 * Count>();
}

/// For types with members that must be initialised: nothing short of all is
/// taken, so each number has to be tried.
template <class T, std::size_t Count>
constexpr std::size_t try_initialisers() {
  if constexpr (Count == 0 || takes<T, Count>)
    return Count;
  else
    return try_initialisers<T, Count - 1>();
}

/// Structured bindings are written out for this many members.
inline constexpr std::size_t most_members = 100;

/// How many initialisers `T` takes between its braces, those of array elements
/// counted one by one.
template <class T>
constexpr std::size_t count_initialisers() {
  if constexpr (!requires { T{}; })
    return try_initialisers<T, (sizeof(T) < most_members ? sizeof(T)
                                                         : most_members)>();
  else if constexpr (takes<T, 1>)
    return bound_initialisers<T, 1>();
  else
    return 0;
}

template <class T, std::size_t... Before, std::size_t... After>
constexpr bool skips_with_nothing(std::index_sequence<Before...>,
                                  std::index_sequence<After...>) {
  return requires {
    T{any_member<T, Before>{}..., {}, any_member<T, After>{}...};
  };
}

template <class T, std::size_t... Before, std::size_t... After>
constexpr bool skips_with_one(std::index_sequence<Before...>,
                              std::index_sequence<After...>) {
  return requires {
    T{any_member<T, Before>{}...,
      {any_member<T, 0>{}},
      any_member<T, After>{}...};
  };
}

/// Whether one pair of braces in the place of initialiser `At` leaves room for
/// `Rest` initialisers.
template <class T, std::size_t At, std::size_t Rest>
constexpr bool leaves_room_for() {
  using before = std::make_index_sequence<At>;
  using after = std::make_index_sequence<Rest>;
  if constexpr (skips_with_nothing<T>(before{}, after{}))
    return true;
  else
    return skips_with_one<T>(before{}, after{});
}

/// The largest number of initialisers in [Low, High) that fit behind `At`.
template <class T, std::size_t At, std::size_t Low, std::size_t High>
constexpr std::size_t room_behind() {
  if constexpr (High - Low == 1) {
    return Low;
  } else {
    constexpr auto middle = Low + (High - Low) / 2;
    if constexpr (leaves_room_for<T, At, middle>())
      return room_behind<T, At, middle, High>();
    else
      return room_behind<T, At, Low, middle>();
  }
}

/// How many initialisers the member at `At` takes; 0 if that cannot be told.
template <class T, std::size_t At, std::size_t Total>
constexpr std::size_t width_of_member() {
  constexpr auto rest = Total - At - 1;
  if constexpr (leaves_room_for<T, At, rest>())
    return 1;
  else if constexpr (rest == 0 || !leaves_room_for<T, At, 0>())
    return 0;
  else
    return Total - At - room_behind<T, At, 0, rest>();
}

/// The number of members from initialiser `At` on; `Total + 1` or more if that
/// cannot be told.
template <class T, std::size_t At, std::size_t Total>
constexpr std::size_t members_from() {
  if constexpr (At >= Total) {
    return 0;
  } else {
    constexpr auto width = width_of_member<T, At, Total>();
    if constexpr (width == 0)
      return Total + 1;
    else
      return 1 + members_from<T, At + width, Total>();
  }
}

template <class T>
inline constexpr std::size_t initialisers_of = count_initialisers<T>();

template <class T>
inline constexpr std::size_t members_of =
  members_from<T, 0, initialisers_of<T>>();

/// Whether `tie_members` can be asked.
template <class T>
concept has_members =
  aggregate_without_base<T> &&(initialisers_of<T> >= 1)
  && (members_of<T> <= initialisers_of<T>)&&(members_of<T> <= most_members);

/// References to all members, as a `std::tuple`.
template <class T>
constexpr auto tie_members(T& value) {
  namespace pfr = boost::pfr::detail;
  constexpr auto count = members_of<T>;
  return pfr::make_stdtiedtuple_from_tietuple(
    pfr::tie_as_tuple(value, pfr::size_t_<count>{}),
    std::make_index_sequence<count>{});
}

template <class T>
using member_tuple = decltype(tie_members(std::declval<T&>()));

template <std::size_t Index, class T>
using member_type =
  std::remove_reference_t<std::tuple_element_t<Index, member_tuple<T>>>;

template <class Tuple>
inline constexpr bool has_array = false;

template <class... Ts>
inline constexpr bool has_array<std::tuple<Ts&...>> =
  (std::is_array_v<Ts> || ...);

/// Arrays cannot be returned: they are filled where they are.
template <class T>
inline constexpr bool has_array_member = has_array<member_tuple<T>>;

} // namespace flame::detail
