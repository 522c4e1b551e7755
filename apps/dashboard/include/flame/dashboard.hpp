/// A page that shows what a node is doing: pools, runners, calls, supervisors.
#pragma once

#include <memory>
#include <string>

#include <flame/node.hpp>
#include <flame/options.hpp>

namespace flame {

/// How a dashboard serves.
struct dashboard_options {
  /// Where: `"127.0.0.1:9090"`, `"[::1]:9090"`, `"localhost:9090"`, of which port
  /// 0 takes any that is free, or `"unix:/run/user/1000/app.sock"`. This machine
  /// only: there are no users and no TLS.
  std::string listen = "127.0.0.1:0";

  /// From one look at the node to the next, 100 ms to 1 min. The page keeps the
  /// last 600.
  duration every = std::chrono::milliseconds{500};

  /// Most connections at a time, 1 to 10,000; more are closed. A tab has one or
  /// two.
  std::size_t max_connections = 64;

  /// How long a request may take to come, and what is sent to be taken: a
  /// browser that does not is left. 10 ms to 1 h.
  duration patience = std::chrono::seconds{20};
};

/// Serves the page, from its construction until it is destroyed, on threads of
/// its own:
///
///     int main(flame::node& node) {
///       flame::dashboard page{node, {.listen = "127.0.0.1:9090"}};
///       std::cout << page.url() << std::endl;
///       ...
///
/// `GET /` is the page, `GET /state.json` what it shows, once, and `GET /events`
/// the same as server-sent events: docs/dashboard.md says what stands in it.
/// Nothing can be changed by it.
///
/// Thread-safe, except for its destructor, which closes all connections; it
/// returns within a second or so.
class dashboard {
public:
  /// @param of has to outlive the dashboard
  /// @throws call_error `invalid_configuration`: an address that others could
  ///         reach, or an option out of its range. `out_of_resources`: the
  ///         address is not free, or the socket cannot be made
  explicit dashboard(node& of, dashboard_options options = {});

  ~dashboard();

  dashboard(const dashboard&) = delete;
  dashboard& operator=(const dashboard&) = delete;

  /// `"http://127.0.0.1:9090/"`; of a unix socket `"unix:/path"`.
  const std::string& url() const noexcept;

private:
  class impl;

  std::unique_ptr<impl> impl_;
};

} // namespace flame
