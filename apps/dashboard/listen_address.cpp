#include "listen_address.hpp"

#include <charconv>
#include <optional>
#include <string_view>

#include <boost/asio/ip/address.hpp>
#include <flame/error.hpp>
#include <fmt/format.h>

namespace flame::dash {

namespace {

[[noreturn]] void refuse(const std::string& text, std::string_view why) {
  throw call_error{
    errc::invalid_configuration,
    fmt::format("a dashboard cannot listen on \"{}\": {}; use 127.0.0.1:PORT, "
                "[::1]:PORT, localhost:PORT or unix:/PATH",
                text, why)};
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t result = 0;
  auto* end = text.data() + text.size();
  auto [stop, problem] = std::from_chars(text.data(), end, result);
  if (text.empty() || problem != std::errc{} || stop != end)
    return std::nullopt;
  return result;
}

} // namespace

listen_address parse_listen(const std::string& text) {
  constexpr std::string_view unix_prefix = "unix:";
  if (text.starts_with(unix_prefix)) {
    auto path = text.substr(unix_prefix.size());
    if (path.empty())
      refuse(text, "there is no path");
    return {.path = path};
  }
  auto colon = text.rfind(':');
  if (colon == std::string::npos)
    refuse(text, "there is no port");
  auto port = parse_port(std::string_view{text}.substr(colon + 1));
  if (!port)
    refuse(text, "its port is no number from 0 to 65535");
  auto host = text.substr(0, colon);
  if (host == "localhost")
    return {.ip = "127.0.0.1", .port = *port};
  auto is_v6 = host.starts_with('[') && host.ends_with(']');
  auto name = is_v6 ? host.substr(1, host.size() - 2) : host;
  boost::system::error_code ec;
  auto address = boost::asio::ip::make_address(name, ec);
  if (ec || address.is_v6() != is_v6)
    refuse(text, "it is no address, and no name but localhost is looked up");
  if (!address.is_loopback())
    refuse(text, "others could reach it, and it has no users and no TLS");
  return {.ip = address.to_string(), .port = *port};
}

} // namespace flame::dash
