#pragma once

#include <memory>
#include <string>

#include <spdlog/logger.h>

namespace flame::detail {

/// The log of this process's flame: one line per event, `key=value`, on
/// standard error. Thread-safe.
spdlog::logger& log();

/// Sets how log lines call this process.
/// @param node letters, digits, `_`, `-` and `.`
void name_log(const std::string& node);

/// A log that goes to the same place from another level on.
/// @param level one of spdlog's: `trace`, `debug`, `info`, `warn`, `error`,
///        `off`
std::shared_ptr<spdlog::logger> log_from(const std::string& level);

} // namespace flame::detail
