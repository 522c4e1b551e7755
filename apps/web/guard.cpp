#include "web/guard.hpp"

#include <algorithm>
#include <cctype>

#include <arpa/inet.h>

namespace web {

namespace {

std::string lower(std::string_view text) {
  std::string result{text};
  for (auto& each : result)
    each = static_cast<char>(std::tolower(static_cast<unsigned char>(each)));
  return result;
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5
         && std::ranges::all_of(text, [](char each) {
              return each >= '0' && each <= '9';
            });
}

bool is_address(const std::string& name) {
  in_addr v4{};
  in6_addr v6{};
  return ::inet_pton(AF_INET, name.c_str(), &v4) == 1
         || ::inet_pton(AF_INET6, name.c_str(), &v6) == 1;
}

} // namespace

std::string host_name(std::string_view host) {
  std::string_view name = host;
  std::string_view rest;
  if (host.starts_with('[')) {
    auto end = host.find(']');
    if (end == std::string_view::npos)
      return {};
    name = host.substr(1, end - 1);
    rest = host.substr(end + 1);
  } else if (auto colon = host.find(':'); colon != std::string_view::npos) {
    name = host.substr(0, colon);
    rest = host.substr(colon);
  }
  if (!rest.empty() && (!rest.starts_with(':') || !is_port(rest.substr(1))))
    return {};
  return lower(name);
}

bool is_own_host(std::string_view host,
                 const std::vector<std::string>& allowed) {
  auto name = host_name(host);
  if (name.empty())
    return false;
  return name == "localhost" || is_address(name)
         || std::ranges::any_of(allowed, [&](const std::string& each) {
              return lower(each) == name;
            });
}

bool is_same_origin(std::string_view origin, std::string_view host) {
  for (std::string_view scheme : {"http://", "https://"})
    if (origin.starts_with(scheme))
      return !host.empty()
             && lower(origin.substr(scheme.size())) == lower(host);
  return false;
}

} // namespace web
