#include "local/local_backend.hpp"

#include <atomic>
#include <utility>

#include "flame/error.hpp"

namespace flame {

namespace {

/// Says once that a runner has ended, whoever notices first.
class last_word {
public:
  explicit last_word(std::function<void(exit_info)> listener)
    : listener_(std::move(listener)) {
    // nop
  }

  void say(exit_info info) {
    if (!said_.exchange(true))
      listener_(std::move(info));
  }

private:
  std::function<void(exit_info)> listener_;
  std::atomic<bool> said_ = false;
};

class local_instance final : public instance {
public:
  local_instance(std::string id, std::shared_ptr<last_word> end)
    : id_(std::move(id)),
      end_(std::move(end)) {
    // nop
  }

  ~local_instance() override {
    terminate();
  }

  std::string id() const override {
    return id_;
  }

  void terminate() override {
    exit_info info;
    info.detail = "it was given up; what still runs on its threads goes on";
    end_->say(std::move(info));
  }

private:
  std::string id_;
  std::shared_ptr<last_word> end_;
};

class local_backend final : public backend {
public:
  bool is_in_process() const noexcept override {
    return true;
  }

  std::vector<setting_mistake> check(
    const std::map<std::string, std::string>& settings) const override {
    return unknown_settings(settings, {});
  }

  void boot(boot_request request,
            std::function<void(boot_result)> done) override {
    auto end = std::make_shared<last_word>(std::move(request.on_exit));
    try {
      request.serve_here(std::move(request.sockets), [end] {
        exit_info info;
        info.how = exit_info::kind::exited;
        end->say(std::move(info));
      });
    } catch (const call_error& error) {
      done(error.to_error());
      return;
    } catch (const std::exception& error) {
      done(make_error(errc::backend_failed, error.what()));
      return;
    }
    done(std::make_shared<local_instance>("local:" + request.runner,
                                          std::move(end)));
  }
};

} // namespace

std::shared_ptr<backend> make_local_backend() {
  return std::make_shared<local_backend>();
}

} // namespace flame
