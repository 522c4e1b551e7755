/// Where a dashboard may listen.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace flame::dash {

struct listen_address {
  /// Of this machine.
  std::string ip = {};
  std::uint16_t port = 0;
  /// Not empty: a unix socket.
  std::filesystem::path path = {};
};

/// Reads `dashboard_options::listen`.
/// @throws call_error `invalid_configuration` if it is no address, or not one of
///         this machine alone
listen_address parse_listen(const std::string& text);

} // namespace flame::dash
