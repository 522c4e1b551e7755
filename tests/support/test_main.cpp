// The main of test programs that are parents: the same program serves as its
// own runners.
#define DOCTEST_CONFIG_IMPLEMENT
#include "test_main.hpp"

namespace tests {

namespace {

flame::node* current = nullptr;

} // namespace

flame::node& node() {
  return *current;
}

flame::pool new_pool(const std::string& backend, flame::pool_options options) {
  static int count = 0;
  options.backend = backend;
  return node().pool(backend + std::to_string(++count), options);
}

} // namespace tests

int main(int argc, char** argv) {
  return flame::run(
    argc, argv,
    [&](flame::node& self) {
      tests::current = &self;
      doctest::Context context{argc, argv};
      return context.run();
    },
    [](flame::node_options& options) {
      tests::configure(options);
    });
}
