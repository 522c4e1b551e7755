// A call: the lambda runs on a runner, the result comes back.
//
//   hello                             everything in this process
//   FLAME_BACKEND=process hello       on a runner process
#include <iostream>
#include <string>

#include <unistd.h>

#include <flame/flame.hpp>

int main(int argc, char** argv) {
  return flame::run(argc, argv, [](flame::node& node) {
    auto pool = node.pool("greeters");
    auto greeting = flame::call(
      pool,
      [](const std::string& whom) {
        auto* parent = flame::parent();
        return "Hello, " + whom + ", from "
               + (parent ? parent->runner : "the same process");
      },
      "world");
    std::cout << greeting << '\n';
  });
}
