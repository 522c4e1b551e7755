/// The executable and the shared libraries that are mapped into this process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "flame/detail/thunk.hpp"

namespace flame::detail {

/// Where a module is mapped. What is read through it is valid until the module
/// is unloaded.
struct mapped_module {
  struct range {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
  };

  std::string path;
  std::uintptr_t base = 0;
  std::vector<range> segments;
  range unwind_table;
  bool is_main = false;

  /// In hexadecimal; empty without GNU build id.
  std::string build_id;

  bool contains(std::uintptr_t address) const noexcept;

  /// Whether a function begins at `address`, by the sorted table in
  /// `.eh_frame_hdr`, which is mapped in stripped programs too. Functions
  /// without unwind information are not found.
  bool has_function_at(std::uintptr_t address) const noexcept;

  /// What the hand-shake compares; reads the file if there is no build id.
  module_info info() const;
};

/// All modules, the main program first.
std::vector<mapped_module> mapped_modules();

/// Changes whenever a module is loaded or unloaded.
std::uint64_t module_changes() noexcept;

} // namespace flame::detail
