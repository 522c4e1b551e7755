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

namespace {

int argument_count = 0;
char** arguments = nullptr;

struct test_program {
  static void configure(flame::node_options& options) {
    tests::configure(options);
  }

  void start_worker() {
    if (on_start_worker)
      on_start_worker();
  }

  int main(flame::node& self) {
    current = &self;
    doctest::Context context{argument_count, arguments};
    return context.run();
  }
};

} // namespace

} // namespace tests

int main(int argc, char** argv) {
  tests::argument_count = argc;
  tests::arguments = argv;
  return flame::run<tests::test_program>(argc, argv);
}
