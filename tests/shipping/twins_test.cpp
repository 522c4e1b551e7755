#include "twins.hpp"

using namespace tests;

void tests::configure(flame::node_options&) {
  // nop
}

TEST_CASE("identical functions of two translation units are not mixed up") {
  on_each_backend([](const std::string& backend) {
    auto pool = new_pool(backend, {.max = 1});
    for (auto round = 0; round < 2; ++round) {
      CHECK(first_answers(pool) == answers{1, 1, 1, 1, 1});
      CHECK(second_answers(pool) == answers{2, 2, 2, 2, 2});
    }
  });
}
