// Another program than the tests: a runner that the hand-shake must refuse.
#include <flame/flame.hpp>

int main(int argc, char** argv) {
  return flame::run(argc, argv, [](flame::node& node) {
    return flame::call(node.pool("other"), [] {
      return 1;
    });
  });
}
