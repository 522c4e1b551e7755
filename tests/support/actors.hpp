#pragma once

#include <future>
#include <memory>

#include <caf/all.hpp>

#include "support/test_main.hpp"

namespace tests {

using end_atom = caf::atom_constant<caf::atom("end")>;

/// Runs `body` inside an actor and waits until the actor has said what it has
/// to say: `body(self, done)`.
template <class R, class F>
R in_actor(F body) {
  auto result = std::make_shared<std::promise<R>>();
  auto future = result->get_future();
  // CAF ends an actor that nobody refers to.
  auto kept =
    node().system().spawn([=](caf::event_based_actor* self) -> caf::behavior {
      body(self, [=](R value) {
        result->set_value(std::move(value));
        self->quit();
      });
      return {[](end_atom) {}};
    });
  REQUIRE(future.wait_for(20s) == std::future_status::ready);
  return future.get();
}

template <class R, class... Args>
R ask(const caf::actor& whom, Args&&... args) {
  caf::scoped_actor self{node().system()};
  R result{};
  self->request(whom, 10s, std::forward<Args>(args)...)
    .receive(
      [&](R value) {
        result = std::move(value);
      },
      [&](const caf::error& why) {
        FAIL("no answer: " << flame::describe(why));
      });
  return result;
}

} // namespace tests
