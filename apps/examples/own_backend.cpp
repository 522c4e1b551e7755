// A backend of one's own: where runners live is up to the program.
//
//   own_backend
#include "listing_backend.hpp"

int main(int argc, char** argv) {
  return flame::run(
    argc, argv,
    [](flame::node& node) {
      auto pool =
        node.pool("listed", {.backend = {"listing", {{"mark", "* "}}}});
      auto result = flame::call(pool, [] {
        return 42;
      });
      std::cout << "the call returns " << result << std::endl;
      pool.shutdown();
    },
    [](flame::node_options& options) {
      options.backends.add("listing", [] {
        return std::make_shared<listing_backend>();
      });
    });
}
