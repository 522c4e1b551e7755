/// How a function is named so that the other process finds it.
///
/// Code is never sent. Each instantiation that can run on a runner has one
/// `thunk` object, which registers itself before `main`. Its name, the token,
/// is where the object lies in its module, together with the module's build id:
/// data, because a linker may fold functions whose code is the same, but never
/// folds data. A process runs what its own table holds under a token, and
/// nothing else.
#pragma once

#include <atomic>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <typeinfo>
#include <vector>

#include "flame/detail/export.hpp"

namespace flame::detail {

/// What a thunk's entry is: whoever looks it up casts it to that signature.
enum class thunk_kind : std::uint8_t { function, child, publication };

using thunk_entry = void (*)();

/// Names a thunk, or a function, in every process that has loaded the same
/// build of its module.
struct thunk_token {
  /// `module_info::key`; 0 for what lies in no module.
  std::uint64_t module = 0;

  /// Distance from where the module is loaded.
  std::uint64_t offset = 0;

  friend auto operator<=>(const thunk_token&, const thunk_token&) = default;
};

/// The `module` of the tokens of functions that have a name, see
/// `FLAME_FUNCTION`; their `offset` is the hash of name and signature.
inline constexpr std::uint64_t named_functions = ~std::uint64_t{0};

/// One entry of the table. Has static storage duration:
///
///     template <class F>
///     struct call_thunk {
///       static void run();
///       static inline thunk registrar{thunk_kind::function, &run, false,
///                                     typeid(F)};
///     };
///
/// registers as soon as anything odr-uses `registrar`, and leaves the table
/// when its module is unloaded. Thread-safe.
struct FLAME_EXPORT thunk {
  thunk(thunk_kind kind, thunk_entry entry, bool takes_stop_token,
        const std::type_info& callable) noexcept;

  /// Registers under a name instead of a place.
  /// @param signature what else the name stands for
  thunk(thunk_kind kind, thunk_entry entry, bool takes_stop_token,
        const std::type_info& callable, std::string_view name,
        const std::type_info& signature) noexcept;

  thunk(const thunk&) = delete;
  thunk& operator=(const thunk&) = delete;

  ~thunk();

  /// The callable's type, for logs. Lambdas of one scope may share it.
  std::string name() const;

  /// The name of this thunk for other processes. `{0, 0}` if it lies in no
  /// module, that is, has automatic or dynamic storage duration.
  thunk_token token() const;

  /// Whether `token` is the same in every build that has this name.
  bool has_name() const noexcept {
    return module_.load(std::memory_order_relaxed) == named_functions;
  }

  bool is_same_callable(const thunk& other) const noexcept {
    return callable_ == other.callable_;
  }

  const thunk_kind kind;
  const thunk_entry entry;
  const bool takes_stop_token;

private:
  friend struct thunk_list;

  const std::type_info& callable_;
  thunk* previous_ = nullptr;
  thunk* next_ = nullptr;
  mutable std::atomic<std::uint64_t> module_{0};
  mutable std::atomic<std::uint64_t> offset_{0};
};

/// The thunk of this name, or null; null, too, where different functions claim
/// it. It is valid until its module is unloaded.
/// Thread-safe.
FLAME_EXPORT const thunk* find_thunk(thunk_token token);

/// Why `find_thunk` does not find what a parent has called.
/// @param what what it should be, e.g. `"function"`
FLAME_EXPORT std::string unknown_thunk(thunk_token token,
                                       std::string_view what);

/// The name of a function. `call_error` with `errc::unknown_function` unless
/// `address` is where a function of a module begins. Thread-safe.
FLAME_EXPORT thunk_token token_of_function(const void* address);

/// Where the function of this name begins. `call_error` with
/// `errc::unknown_function` unless a module of that build is loaded and its
/// unwind table says that a function begins there. Thread-safe.
FLAME_EXPORT const void* find_function(thunk_token token);

/// An executable or shared library as the hand-shake compares it.
struct module_info {
  std::string path;

  /// The GNU build id in hexadecimal, or `sha1:` and the hash of the file.
  std::string build_id;

  /// Stands for the build id in tokens. Never 0.
  std::uint64_t key = 0;

  friend bool operator==(const module_info&, const module_info&) = default;
};

/// The main program, which comes first, and every other module that has thunks
/// now. Thread-safe.
FLAME_EXPORT std::vector<module_info> thunk_modules();

/// Whether a process with the modules `theirs` is another program than the one
/// with the modules `ours`: what is wrong, naming both builds, or nothing.
///
/// Paths may differ. A library that only one of them has loaded is no
/// difference: loading it may still come, and calls into it fail with
/// `errc::unknown_function` until then. Another build of the library is.
FLAME_EXPORT std::optional<std::string> program_difference(
  const std::vector<module_info>& ours, const std::vector<module_info>& theirs);

} // namespace flame::detail
