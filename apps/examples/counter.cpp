// A placed child: an actor with state, on a runner, supervised from here.
//
//   FLAME_BACKEND=process counter
#include <iostream>

#include <unistd.h>

#include <flame/flame.hpp>

namespace {

using add_atom = caf::atom_constant<caf::atom("add")>;

caf::behavior counter(caf::event_based_actor*, int start) {
  auto total = std::make_shared<int>(start);
  return {[=](add_atom, int much) {
    return *total += much;
  }};
}

/// Places a counter, adds to it, and ends; the counter, being linked, with it.
caf::behavior user(caf::event_based_actor* self, const flame::pool& pool) {
  flame::place_child(self, pool, counter, 40)
    .then(
      [=](const caf::actor& child) {
        auto is_far = child.node() != self->node();
        self->request(child, caf::infinite, add_atom::value, 2)
          .then([=](int total) {
            std::cout << "the counter "
                      << (is_far ? "on another node" : "in this process")
                      << " says " << total << '\n';
            self->quit();
          });
      },
      [=](const flame::call_error& error) {
        std::cerr << "no counter: " << error.what() << '\n';
        self->quit();
      });
  return {};
}

} // namespace

int main(int argc, char** argv) {
  return flame::run(argc, argv, [](flame::node& node) {
    caf::scoped_actor self{node.system()};
    auto done = node.system().spawn(user, node.pool("counters"));
    self->wait_for(done);
  });
}
