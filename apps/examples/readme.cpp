#include <iostream>

#include <flame/flame.hpp>

std::string shout(std::string text, int times) { // an ordinary function
  if (times == 0)
    throw std::runtime_error("no voice left");
  return text + std::string(static_cast<std::size_t>(times), '!');
}

int main(int argc, char** argv) {
  return flame::run(argc, argv, [](flame::node& node) {
    auto pool = node.pool("shouters", {.max = 4, .backend = "process"});
    std::cout << flame::call(pool, shout, "hello", 3) << '\n'; // on a runner
    auto later = flame::async(pool, shout, "and hello", 1);
    std::cout << later.get() << '\n';
    try {
      flame::call(pool, shout, "hello", 0);
    } catch (const flame::call_error& error) {
      std::cout << error.runner() << ": " << error.what() << '\n';
    }
  });
}
