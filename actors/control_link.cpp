#include "control_link.hpp"

#include <limits>
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

/// What BASP keeps of a node that is gone is an actor, spawned to spawn others
/// there by name: more than 1 KiB for each runner that there has ever been. What
/// it has to say to a connection that has just closed it puts into a buffer for
/// that, which it does not empty: 40 bytes for each.
void forget_node(caf::actor_system& system, const caf::node_id& node) {
  auto broker = caf::actor_cast<caf::strong_actor_ptr>(basp(system));
  // Nobody but the broker uses either, and it runs on that thread.
  system.middleman().backend().post([broker, node] {
    auto* self = static_cast<caf::io::basp_broker*>(
      caf::actor_cast<caf::abstract_actor*>(broker));
    auto i = self->spawn_servers.find(node);
    if (i != self->spawn_servers.end()) {
      // It may wait for an answer, and the system must not end before it.
      caf::anon_send_exit(i->second, caf::exit_reason::kill);
      self->spawn_servers.erase(i);
    }
    // Connections have the numbers of descriptors, and none has this one.
    auto none = caf::io::connection_handle::from_int(
      std::numeric_limits<std::int64_t>::max());
    self->get_buffer(none).clear();
  });
}

} // namespace flame::detail
