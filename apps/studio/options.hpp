/// The command line.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>

#include "database/database_url.hpp"
#include "web/server.hpp"

namespace studio {

struct options {
  web::server_options server = {
    .name = "studio",
    .wrong_host = "This is not the server of that name. If it should be, start "
                  "it with --host NAME."};
  /// In bytes.
  std::uint64_t max_upload = std::uint64_t{2} << 30;
  std::size_t max_uploads = 64;
  std::chrono::milliseconds stall_timeout{30'000};
  std::chrono::milliseconds every{1000};
  std::uint32_t sample_seconds = 20;
  database_url database = sqlite_url{};
  /// Where flame's dashboard listens, if it is to.
  std::optional<std::string> dashboard = std::nullopt;
};

/// @returns the options, or the exit status of a program that has nothing else
///          to do: help was asked for, or there is a mistake, which was told
std::variant<options, int> parse_options(std::span<const std::string> args);

/// The command of this process without the database: runners are started by it,
/// and a password is nothing for a command line.
std::vector<std::string> runner_command();

} // namespace studio
