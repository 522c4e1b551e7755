// Whether a backend keeps the contract of all backends.
//
//   backend_contract local|process
//   backend_contract faulty     whether one that does not is found out
#include <iostream>
#include <set>

#include <flame/flame.hpp>
#include <flame/testing/backend_contract.hpp>

namespace {

/// Leaves the work to the process backend, and tells little and wrong of it.
class faulty_backend final : public flame::backend {
public:
  faulty_backend() : processes_(flame::backend_registry{}.make("process")) {
    // nop
  }

  void boot(flame::boot_request request,
            std::function<void(boot_result)> done) override {
    request.cancelled = {};
    request.on_output = [](const std::string&) {
      // Lost.
    };
    request.on_exit = [tell = std::move(request.on_exit)](flame::exit_info) {
      tell({});
      tell({});
    };
    processes_->boot(std::move(request), std::move(done));
  }

private:
  std::shared_ptr<flame::backend> processes_;
};

const std::set<std::string> what_the_faulty_one_breaks = {
  "a crash fails its call with the signal, and the pool goes on",
  "an exit is told with its status and what was written last",
  "what an instance writes arrives",
  "a boot that is cancelled before it begins does not begin",
  "a boot is answered once, and the end of its instance told once",
};

flame::testing::capabilities capabilities_of(const std::string& backend) {
  // Lost output is waited for in vain.
  if (backend == "faulty")
    return {.patience = std::chrono::seconds{3}};
  if (backend != "local")
    return {};
  return {.isolates_crashes = false,
          .tells_exit_status = false,
          .passes_output = false,
          .starts_command = false,
          .can_cancel = false,
          .ends_with_parent = false};
}

int check(flame::node& node, const flame::testing::backend_contract& contract) {
  std::set<std::string> broken;
  for (auto& each : contract.check(node)) {
    std::cerr << each.check << ": " << each.text << std::endl;
    broken.insert(each.check);
  }
  auto args = node.args();
  auto is_faulty = !args.empty() && args.front() == "faulty";
  if (broken
      == (is_faulty ? what_the_faulty_one_breaks : std::set<std::string>{}))
    return 0;
  std::cerr << "FAIL: that is not what the backend breaks" << std::endl;
  return 1;
}

} // namespace

int main(int argc, char** argv) {
  std::string backend = argc > 1 ? argv[1] : "process";
  flame::testing::backend_contract contract{backend, capabilities_of(backend)};
  return flame::run(
    argc, argv,
    [&](flame::node& node) {
      return check(node, contract);
    },
    [&](flame::node_options& options) {
      options.backends.add("faulty", [] {
        return std::make_shared<faulty_backend>();
      });
      contract.prepare(options);
    });
}
