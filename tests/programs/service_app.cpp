// The class form of a program: a service that every node opens at its start.
//
//   service_app            calls on a runner that uses the service there
//   service_app --broken   on runners, the service cannot be opened
//   service_app --nested   every node starts a pool before anything else
//   service_app --wait [S] makes a call of S seconds, 1 by default, and then
//                          waits for ever
//   service_app --own      the same, with a handler of its own for SIGTERM
//
// Where the configuration has a supervisor `watchers`, the parent starts it
// first; it may have children `watch`, with a text.
//
// SERVICE_APP_UNSETTLED says where `configure` throws: on the "parent", or on a
// "runner".
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string_view>
#include <thread>

#include <unistd.h>

#include <flame/flame.hpp>

namespace {

/// What a database connection would be.
struct service {
  std::string opened_by;
};

std::unique_ptr<service> the_service;

/// Says on standard output what a script waits for.
void take_time(int seconds) {
  std::cout << "working" << std::endl;
  std::this_thread::sleep_for(std::chrono::seconds{seconds});
  std::cout << "the work is done" << std::endl;
}

[[noreturn]] void wait_for_ever(const flame::pool& pool, int seconds) {
  auto work = flame::async(pool, take_time, seconds);
  for (;;)
    ::pause();
}

/// Says when it ends.
caf::behavior watch(caf::event_based_actor* self, const std::string& what) {
  self->attach_functor([what](const caf::error&) {
    std::cout << "the watch over " << what << " has ended" << std::endl;
  });
  return {[](int) {}};
}

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
    options.children.add("watch", watch);
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
    if (!node.config().supervisor_names().empty())
      node.supervisor("watchers");
    auto args = node.args();
    if (!args.empty() && args[0] == "--own")
      std::signal(SIGTERM, [](int) {
        ::_exit(7);
      });
    if (!args.empty() && (args[0] == "--wait" || args[0] == "--own"))
      wait_for_ever(node.pool("services"),
                    args.size() > 1 ? std::stoi(args[1]) : 1);
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
