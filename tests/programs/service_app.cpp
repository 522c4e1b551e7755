// The class form of a program: a service that every node opens at its start.
//
//   service_app            calls on a runner that uses the service there
//   service_app --broken   on runners, the service cannot be opened
//   service_app --nested   every node starts a pool before anything else
//
// SERVICE_APP_UNSETTLED says where `configure` throws: on the "parent", or on a
// "runner".
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string_view>

#include <flame/flame.hpp>

namespace {

/// What a database connection would be.
struct service {
  std::string opened_by;
};

std::unique_ptr<service> the_service;

std::string ask_service(int question) {
  return the_service->opened_by + " answers " + std::to_string(question);
}

class app {
public:
  static void configure(flame::node_options& options) {
    // Nobody is parent or runner yet: this variable is what makes a runner.
    auto* here = std::getenv("FLAME_RUNNER") ? "runner" : "parent";
    auto* unsettled = std::getenv("SERVICE_APP_UNSETTLED");
    if (unsettled && std::string_view{unsettled} == here)
      throw std::runtime_error("the settings are in a language unknown");
    options.pools["services"] = {
      .max = 1, .timeout = std::chrono::seconds{2}, .backend = "process"};
  }

  void start(flame::node& node) {
    auto args = node.args();
    auto is_broken =
      std::find(args.begin(), args.end(), "--broken") != args.end();
    if (is_broken && node.is_runner())
      throw std::runtime_error("the database is on fire");
    if (args.end() != std::find(args.begin(), args.end(), "--nested"))
      node.pool("nested", {.min = 1, .max = 1});
    the_service = std::make_unique<service>(
      service{node.is_runner() ? "a runner" : "the parent"});
  }

  int main(flame::node& node) {
    std::cout << ask_service(1) << std::endl;
    auto pool = node.pool("services");
    std::cout << flame::call(pool, ask_service, 2) << std::endl;
    return 3;
  }
};

} // namespace

int main(int argc, char** argv) {
  return flame::run<app>(argc, argv);
}
