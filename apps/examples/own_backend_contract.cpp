// Whether a backend of one's own keeps the contract of all backends.
//
//   own_backend_contract
#include <flame/testing/backend_contract.hpp>

#include "listing_backend.hpp"

int main(int argc, char** argv) {
  flame::testing::backend_contract contract{"listing"};
  return flame::run(
    argc, argv,
    [&](flame::node& node) {
      auto failures = contract.check(node);
      for (auto& each : failures)
        std::cout << each.check << ": " << each.text << std::endl;
      if (!failures.empty())
        return 1;
      std::cout << "the backend keeps the contract" << std::endl;
      return 0;
    },
    [&](flame::node_options& options) {
      options.backends.add("listing", [] {
        return std::make_shared<listing_backend>();
      });
      contract.prepare(options);
    });
}
