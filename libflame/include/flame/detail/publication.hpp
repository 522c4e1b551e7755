/// How what is published is named, and read where it arrives.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include <caf/make_message.hpp>
#include <caf/message.hpp>

#include "flame/codec.hpp"
#include "flame/detail/caf.hpp"
#include "flame/detail/function_thunk.hpp"
#include "flame/detail/thunk.hpp"

namespace flame::detail {

/// A publication on its way out. Refers to what its publisher holds.
struct publication {
  std::string_view topic;

  /// Of kind `publication`: reads the values.
  const thunk& type;

  /// Encodes the values.
  std::function<void(writer&)> write;

  /// The message to subscribers. Once, after `write`.
  std::function<caf::message()> take;
};

/// The entry of a thunk of kind `publication`: the message to subscribers.
using publication_entry = caf::message (*)(std::string topic, reader& values);

/// The code for publications of `Ts`, and its registration.
template <class... Ts>
struct publication_of {
  using values = std::tuple<Ts...>;

  static void write(writer& to, const values& from) {
    std::apply(
      [&](const Ts&... each) {
        (encode<Ts>(to, each), ...);
      },
      from);
  }

  static caf::message take(std::string topic, values&& from) {
    return std::apply(
      [&](Ts&... each) {
        return caf::make_message(caf::publish_atom::value, std::move(topic),
                                 std::move(each)...);
      },
      from);
  }

  static caf::message read(std::string topic, reader& from) {
    // Braces, so that values are decoded in the order they were encoded in.
    values result{decode<Ts>(from)...};
    from.finish();
    return take(std::move(topic), std::move(result));
  }

  static inline const thunk registrar{thunk_kind::publication,
                                      reinterpret_cast<thunk_entry>(&read),
                                      false, typeid(publication_of)};
};

} // namespace flame::detail
