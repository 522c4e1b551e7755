/// Who may talk to the server: pure checks of request headers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace web {

/// Whether a `Host` header names this server. An address does, as a page of
/// another site cannot have that; so does `localhost`. Any other name has to be
/// allowed: with a name that its owner lets point to 127.0.0.1, another site's
/// page would count as this server's own.
bool is_own_host(std::string_view host,
                 const std::vector<std::string>& allowed);

/// Whether an `Origin` header is that of a page of this very server, as `host`
/// names it.
bool is_same_origin(std::string_view origin, std::string_view host);

/// The name in a `Host` header without its port, in lower case and without the
/// brackets of an IPv6 address; empty if it is no such header.
std::string host_name(std::string_view host);

} // namespace web
