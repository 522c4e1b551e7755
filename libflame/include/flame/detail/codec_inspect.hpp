/// What CAF's `inspect` functions see of the codec, and CAF's own types.
#pragma once

#include <cstddef>
#include <exception>
#include <string>
#include <type_traits>
#include <vector>

#include <caf/actor.hpp>
#include <caf/actor_addr.hpp>
#include <caf/actor_cast.hpp>
#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>
#include <caf/error.hpp>
#include <caf/meta/annotation.hpp>
#include <caf/meta/load_callback.hpp>
#include <caf/meta/save_callback.hpp>
#include <caf/typed_actor.hpp>

#include "flame/detail/codec_io.hpp"
#include "flame/error.hpp"

namespace flame::detail {

template <class T>
struct codec;

/// The inspector that encodes. `inspect` functions call it with all members.
class save_inspector {
public:
  using result_type = caf::error;
  using is_saving = std::true_type;
  using is_loading = std::false_type;

  static constexpr bool reads_state = true;
  static constexpr bool writes_state = false;

  explicit save_inspector(writer& to) noexcept : to_(to) {
    // nop
  }

  caf::execution_unit* context() const {
    return to_.unit();
  }

  template <class... Ts>
  result_type operator()(Ts&&... members) {
    result_type result;
    static_cast<void>((step(result, members) && ...));
    return result;
  }

private:
  template <class T>
  bool step(result_type& result, T& member) {
    using type = std::remove_cv_t<T>;
    if constexpr (caf::meta::is_save_callback<type>::value)
      result = member.fun();
    else if constexpr (!caf::meta::is_annotation<type>::value)
      save(member);
    return !result;
  }

  template <class T>
  void save(const T& member);

  writer& to_;
};

/// The inspector that decodes.
class load_inspector {
public:
  using result_type = caf::error;
  using is_saving = std::false_type;
  using is_loading = std::true_type;

  static constexpr bool reads_state = false;
  static constexpr bool writes_state = true;

  explicit load_inspector(reader& from) noexcept : from_(from) {
    // nop
  }

  caf::execution_unit* context() const {
    return from_.unit();
  }

  template <class... Ts>
  result_type operator()(Ts&&... members) {
    result_type result;
    static_cast<void>((step(result, members) && ...));
    return result;
  }

private:
  template <class T>
  bool step(result_type& result, T& member) {
    using type = std::remove_cv_t<T>;
    if constexpr (caf::meta::is_load_callback<type>::value)
      result = member.fun();
    else if constexpr (!caf::meta::is_annotation<type>::value)
      load(member);
    return !result;
  }

  template <class T>
  void load(T& member);

  reader& from_;
};

template <class T>
concept inspectable = requires(save_inspector& save, load_inspector& load,
                               T& value) {
  { inspect(save, value) } -> std::convertible_to<caf::error>;
  { inspect(load, value) } -> std::convertible_to<caf::error>;
};

/// Types that only CAF's own serialisers can take apart.
template <class T>
concept bridged = std::is_same_v<T, caf::error> ||(
  !inspectable<
    T> && requires(caf::serializer & save, caf::deserializer& load, T& value) {
    { inspect(save, value) } -> std::convertible_to<caf::error>;
    { inspect(load, value) } -> std::convertible_to<caf::error>;
  });

template <class T>
inline constexpr bool is_actor_handle = false;

template <>
inline constexpr bool is_actor_handle<caf::actor> = true;

template <>
inline constexpr bool is_actor_handle<caf::actor_addr> = true;

template <>
inline constexpr bool is_actor_handle<caf::strong_actor_ptr> = true;

template <class... Ts>
inline constexpr bool is_actor_handle<caf::typed_actor<Ts...>> = true;

/// Encodes a handle, which may be null.
FLAME_EXPORT void save_handle(writer& to, caf::strong_actor_ptr handle);

/// Decodes a handle. Null if the sender's was, or if the actor is of this node
/// and has ended.
FLAME_EXPORT caf::strong_actor_ptr load_handle(reader& from);

/// Throws if `error` is one; `what` is the step that failed.
FLAME_EXPORT void check_inspection(const char* what, const caf::error& error);

template <class T>
void save_bridged(writer& to, const T& value) {
  std::vector<char> bytes;
  caf::binary_serializer sink{to.unit(), bytes};
  check_inspection("CAF cannot encode a value", sink(const_cast<T&>(value)));
  to.length(bytes.size());
  to.raw(bytes.data(), bytes.size());
}

template <class T>
T load_bridged(reader& from) {
  auto size = from.length(1);
  auto* bytes = reinterpret_cast<const char*>(from.take(size));
  T result{};
  try {
    caf::binary_deserializer source{from.unit(), bytes, size};
    check_inspection("CAF cannot decode a value", source(result));
    if (source.remaining() != 0)
      bad_payload("bytes are left over after a value of CAF's");
  } catch (const call_error&) {
    throw;
  } catch (const std::exception& problem) {
    bad_payload(std::string{"CAF cannot decode a value: "} + problem.what());
  }
  return result;
}

} // namespace flame::detail
