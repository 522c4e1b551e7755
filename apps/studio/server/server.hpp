/// The HTTP server.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/beast/core/tcp_stream.hpp>

#include "server/connection.hpp"
#include "server/reply.hpp"

namespace studio {

struct server_options {
  /// An IP address.
  std::string address = "127.0.0.1";
  /// 0: the system chooses.
  std::uint16_t port = 8080;
  /// Names beside `localhost` by which browsers may call it.
  std::vector<std::string> hosts = {};
  std::size_t threads = 2;
  /// Most connections at a time.
  std::size_t max_connections = 1000;
};

/// Makes a connection of what has been a request for a WebSocket.
using upgrade =
  std::function<std::shared_ptr<connection>(boost::beast::tcp_stream&&)>;

/// What is to be found where. All functions are called in any thread.
struct server_routes {
  /// Answers a GET; the target is as it stands in the request.
  std::function<void(std::string_view target, responder)> page;
  /// WebSockets by their path.
  std::vector<std::pair<std::string, upgrade>> sockets;
};

/// Serves from its construction on, on threads of its own, until it is
/// destroyed: then all connections are closed, and none is left.
///
/// Requests with a `Host` that is not this server's are refused, and so are
/// WebSockets of other sites' pages.
class server {
public:
  /// @throws std::runtime_error if it cannot listen
  server(const server_options& options, server_routes routes);

  ~server();

  server(const server&) = delete;
  server& operator=(const server&) = delete;

  /// `"http://127.0.0.1:8080/"`
  std::string url() const;

private:
  class impl;

  std::unique_ptr<impl> impl_;
};

} // namespace studio
