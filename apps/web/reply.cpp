#include "web/reply.hpp"

namespace web {

reply failure(unsigned status, std::string text) {
  reply result;
  result.status = status;
  result.text = std::move(text) + '\n';
  return result;
}

const std::vector<std::pair<const char*, const char*>>& security_headers() {
  static const std::vector<std::pair<const char*, const char*>> result{
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' "
     "blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
     "frame-ancestors 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
  };
  return result;
}

} // namespace web
