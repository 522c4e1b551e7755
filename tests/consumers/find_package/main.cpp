// A program of somebody else, built against an installed flame. It makes a
// call on a runner, which is a process of this very program.
#include <iostream>

#include <flame/flame.hpp>

int main(int argc, char** argv) {
  return flame::run(argc, argv, [](flame::node& node) {
    auto pool = node.pool("consumers", {.backend = "process"});
    auto answer = flame::call(
      pool,
      [](int a, int b) {
        return flame::parent() ? a * b : 0;
      },
      6, 7);
    std::cout << "the answer is " << answer << '\n';
    return answer == 42 ? 0 : 1;
  });
}
