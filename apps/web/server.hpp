/// The HTTP server.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "web/byte_stream.hpp"
#include "web/connection.hpp"
#include "web/event_feed.hpp"
#include "web/reply.hpp"

namespace web {

struct server_options {
  /// What it is called, in answers and as threads.
  std::string name = "web";
  /// An IP address.
  std::string address = "127.0.0.1";
  /// 0: the system chooses.
  std::uint16_t port = 8080;
  /// Where not empty, a unix socket is listened on, and no address: see
  /// `socket_file`.
  std::filesystem::path path = {};
  /// Names beside `localhost` by which browsers may call it.
  std::vector<std::string> hosts = {};
  /// What browsers are told that call it by any other name.
  std::string wrong_host = "This is not the server of that name.";
  std::size_t threads = 2;
  /// Most connections at a time.
  std::size_t max_connections = 1000;
  /// How long a request may take to come, and an answer to be taken.
  std::chrono::steady_clock::duration patience = std::chrono::seconds{30};
};

/// Makes a connection of what has been a request for a WebSocket.
using upgrade = std::function<std::shared_ptr<connection>(byte_stream&&)>;

/// What is to be found where. All functions are called in any thread.
struct server_routes {
  /// Answers a GET or HEAD; the target is as it stands in the request.
  std::function<void(std::string_view target, responder)> page;
  /// WebSockets by their path.
  std::vector<std::pair<std::string, upgrade>> sockets = {};
  /// Server-sent events by their path.
  std::vector<std::pair<std::string, event_feed*>> events = {};
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

  /// `"http://127.0.0.1:8080/"`; of a unix socket `"unix:/path"`.
  std::string url() const;

private:
  class impl;

  std::unique_ptr<impl> impl_;
};

} // namespace web
