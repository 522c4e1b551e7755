/// Functions of the program that a pool calls.
#pragma once

#include <exception>
#include <string_view>
#include <utility>

#include "pool_core.hpp"

namespace flame::detail {

/// Runs `step`, which calls the hook of this name; what it throws is logged.
/// @returns whether it threw nothing
template <class Step>
bool run_hook(const pool_core& pool, std::string_view name, Step&& step) {
  try {
    std::forward<Step>(step)();
    return true;
  } catch (const std::exception& error) {
    pool.log->error("hook failed pool={} hook={} {}", pool.name, name,
                    error.what());
  } catch (...) {
    pool.log->error("hook failed pool={} hook={} it threw what is no exception",
                    pool.name, name);
  }
  return false;
}

} // namespace flame::detail
