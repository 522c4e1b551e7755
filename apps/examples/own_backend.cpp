// A backend of one's own: where runners live is up to the program. This one
// keeps a list of what it boots, and leaves the work to the process backend; a
// real one would ask a provider for a machine.
//
//   own_backend
#include <iostream>
#include <mutex>

#include <flame/flame.hpp>

namespace {

class listing_backend final : public flame::backend {
public:
  listing_backend() : processes_(flame::backend_registry{}.make("process")) {
    // nop
  }

  void boot(flame::boot_request request,
            std::function<void(boot_result)> done) override {
    auto on_exit = std::move(request.on_exit);
    request.on_exit = [on_exit,
                       runner = request.runner](flame::exit_info info) {
      say(runner + ' ' + flame::to_string(info));
      on_exit(std::move(info));
    };
    say("booting " + request.runner);
    processes_->boot(std::move(request), std::move(done));
  }

private:
  static void say(const std::string& line) {
    static std::mutex mutex;
    std::lock_guard guard{mutex};
    std::cout << line << std::endl;
  }

  std::shared_ptr<flame::backend> processes_;
};

} // namespace

int main(int argc, char** argv) {
  return flame::run(
    argc, argv,
    [](flame::node& node) {
      auto pool = node.pool("listed", {.backend = "listing"});
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
