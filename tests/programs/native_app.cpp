// An ordinary CAF program, with a main and an actor system of its own, that has
// a node beside them.
//
// NATIVE_APP says what it does otherwise: "plain" leaves the configuration as
// CAF makes it, but for the middleman; "bare" has no middleman either;
// "forgetful" does not serve where it was started as a runner; "twice" loads
// the middleman itself, too.
#include <cstdlib>
#include <future>
#include <iostream>
#include <string>

#include <unistd.h>

#include <caf/io/middleman.hpp>
#include <flame/flame.hpp>

namespace {

using namespace std::chrono_literals;

using get_atom = caf::atom_constant<caf::atom("get")>;

caf::behavior keeper(caf::event_based_actor*, int value) {
  return {[=](get_atom) {
    return value;
  }};
}

std::string where() {
  auto* parent = flame::parent();
  return parent ? "runner " + parent->runner : "the program";
}

/// What a blocking call does that an actor of the program makes, and one on a
/// thread which that actor has started.
std::string call_inside_actor(caf::actor_system& system,
                              const flame::pool& pool) {
  std::promise<std::string> said;
  system.spawn([&](caf::event_based_actor*) {
    auto call = [&] {
      auto result = flame::try_call(pool, where);
      return result ? *result : flame::describe(result.error());
    };
    auto beside = std::async(std::launch::async, call);
    auto here = call();
    said.set_value(here + "; on a thread of its own: " + beside.get());
  });
  return said.get_future().get();
}

std::string ask_child(caf::actor_system& system, const flame::pool& pool) {
  std::promise<std::string> said;
  system.spawn([&](caf::event_based_actor* self) {
    flame::place_child(self, pool, keeper, 42)
      .then(
        [&, self](const caf::actor& child) {
          self->request(child, 10s, get_atom::value).then([&, self](int value) {
            said.set_value(std::to_string(value));
            self->quit();
          });
        },
        [&](const flame::call_error& error) {
          said.set_value(error.what());
        });
  });
  return said.get_future().get();
}

void say_where() {
  flame::this_pubsub().publish("places", where());
}

/// What a call publishes, and an actor of the program hears.
std::string hear(flame::node& node, const flame::pool& pool) {
  caf::scoped_actor self{node.system()};
  node.pubsub().subscribe(self, "places");
  flame::call(pool, say_where);
  std::string result;
  self->receive(
    [&](caf::publish_atom, const std::string&, const std::string& place) {
      result = place;
    },
    caf::after(10s) >>
      [&] {
        result = "nothing";
      });
  return result;
}

void use_node(caf::actor_system& system, const flame::node_options& options) {
  flame::node node{system, options};
  auto pool = node.pool("workers", {.max = 1, .timeout = 5s});
  std::cout << "a call runs in " << flame::call(pool, where) << '\n'
            << "a child says " << ask_child(system, pool) << '\n'
            << "a topic says: " << hear(node, pool) << '\n'
            << "inside an actor: " << call_inside_actor(system, pool)
            << std::endl;
}

} // namespace

int main() {
  auto* chosen = std::getenv("NATIVE_APP");
  std::string mode = chosen ? chosen : "";
  flame::node_options options;
  if (mode != "forgetful" && flame::is_runner_process())
    flame::serve(options);
  caf::actor_system_config config;
  if (mode == "plain" || mode == "twice")
    config.load<caf::io::middleman>();
  if (mode != "plain" && mode != "bare")
    flame::configure(config);
  caf::actor_system system{config};
  auto own = system.spawn(keeper, 7);
  try {
    use_node(system, options);
    use_node(system, options);
  } catch (const flame::call_error& error) {
    std::cerr << "error: " << error.what() << std::endl;
  }
  caf::scoped_actor self{system};
  self->request(own, 10s, get_atom::value)
    .receive(
      [](int value) {
        std::cout << "an actor of the program lives on: " << value << std::endl;
      },
      [](const caf::error&) {});
  caf::anon_send_exit(own, caf::exit_reason::user_shutdown);
}
