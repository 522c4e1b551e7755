// The program of the README.
#include <iostream>
#include <string>

#include <flame/flame.hpp>

std::string shout(std::string text, int times) { // an ordinary function
  for (auto& c : text)
    c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text + std::string(static_cast<std::size_t>(times), '!');
}

int main(int argc, char** argv) {
  return flame::run(argc, argv, [](flame::node& node) {
    auto pool = node.pool("shouters", {.max = 4, .backend = "process"});
    std::cout << flame::call(pool, shout, "hello", 3) << '\n'; // on a runner
    auto sum = flame::async(
      pool,
      [](double a, double b) {
        return a + b;
      },
      1, 2);
    std::cout << sum.get() << '\n';
    try {
      flame::call(pool, [] {
        throw std::runtime_error("no more paper");
      });
    } catch (const flame::call_error& error) {
      std::cout << error.runner() << ": " << error.what() << '\n';
    }
  });
}
