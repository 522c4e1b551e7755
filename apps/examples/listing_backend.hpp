#pragma once

#include <iostream>
#include <mutex>

#include <flame/flame.hpp>

/// Keeps a list of what it boots, and leaves the work to the process backend; a
/// real one would ask a provider for a machine.
///
/// Settings: `mark`, which every line of the list begins with, and those of the
/// process backend.
class listing_backend final : public flame::backend {
public:
  listing_backend() : processes_(flame::backend_registry{}.make("process")) {
    // nop
  }

  std::vector<flame::setting_mistake> check(
    const std::map<std::string, std::string>& settings) const override {
    return flame::unknown_settings(settings, {"executable", "mark"});
  }

  void boot(flame::boot_request request,
            std::function<void(boot_result)> done) override {
    auto mark = request.settings["mark"];
    request.settings.erase("mark");
    auto on_exit = std::move(request.on_exit);
    request.on_exit = [on_exit, mark,
                       runner = request.runner](flame::exit_info info) {
      say(mark + runner + ' ' + flame::to_string(info));
      on_exit(std::move(info));
    };
    say(mark + "booting " + request.runner);
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
