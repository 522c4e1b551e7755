#include "control_link.hpp"

#include <set>
#include <string>

#include <caf/io/basp_broker.hpp>
#include <caf/io/middleman.hpp>
#include <caf/io/network/default_multiplexer.hpp>
#include <caf/io/network/scribe_impl.hpp>

#include "flame/error.hpp"
#include "timers.hpp"

namespace flame::detail {

namespace {

/// CAF asks each connection for its address and port, and aborts on a socket
/// that has none.
struct unix_scribe final : caf::io::network::scribe_impl {
  using scribe_impl::scribe_impl;

  std::string addr() const override {
    return "unix";
  }

  uint16_t port() const override {
    return 0;
  }
};

caf::io::scribe_ptr wrap(caf::actor_system& system, unique_fd control) {
  auto& multiplexer = static_cast<caf::io::network::default_multiplexer&>(
    system.middleman().backend());
  return caf::make_counted<unix_scribe>(multiplexer, control.release());
}

caf::actor basp(caf::actor_system& system) {
  return system.middleman().named_broker<caf::io::basp_broker>(
    caf::atom("BASP"));
}

/// BASP finds what it publishes by port. No port is opened; the number is only
/// the key, and all connections share it.
constexpr std::uint16_t gateway_key = 1;

} // namespace

void accept_control(caf::actor_system& system, unique_fd control,
                    const caf::actor& gateway) {
  caf::anon_send(basp(system), caf::publish_atom::value,
                 wrap(system, std::move(control)), gateway_key,
                 caf::actor_cast<caf::strong_actor_ptr>(gateway),
                 std::set<std::string>{});
}

caf::actor connect_control(caf::actor_system& system, unique_fd control,
                           std::chrono::nanoseconds timeout) {
  caf::scoped_actor self{system};
  caf::actor result;
  caf::error failure;
  self
    ->request(basp(system), request_timeout(timeout), caf::connect_atom::value,
              wrap(system, std::move(control)), std::uint16_t{0})
    .receive(
      [&](const caf::node_id&, caf::strong_actor_ptr& gateway,
          const std::set<std::string>&) {
        result = caf::actor_cast<caf::actor>(gateway);
      },
      [&](caf::error& error) {
        failure = std::move(error);
      });
  if (!result)
    throw call_error{errc::backend_failed,
                     "the parent does not answer on the control connection: "
                       + describe(failure)};
  return result;
}

} // namespace flame::detail
