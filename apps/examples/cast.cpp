// A cast: work that nobody waits for. It runs on a runner; if it fails, the
// log says so. The actor that is passed along gets the news.
//
//   FLAME_BACKEND=process cast
#include <iostream>
#include <string>

#include <flame/flame.hpp>

namespace {

/// Runs on a runner; the actor that it tells is in the parent.
void greet(const std::string& whom, const caf::actor& listener) {
  caf::anon_send(listener, "Hello, " + whom);
}

} // namespace

int main(int argc, char** argv) {
  return flame::run(argc, argv, [](flame::node& node) {
    auto pool = node.pool("greeters");
    caf::scoped_actor self{node.system()};
    for (auto* whom : {"Ada", "Grace", "Edsger"})
      flame::cast(pool, greet, whom, caf::actor{self});
    for (int i = 0; i < 3; ++i)
      self->receive([](const std::string& greeting) {
        std::cout << greeting << '\n';
      });
  });
}
