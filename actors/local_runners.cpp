#include "local_runners.hpp"

#include <atomic>
#include <thread>

#include "lane_server.hpp"
#include "runner_life.hpp"
#include "terminator.hpp"

namespace flame::detail {

class local_runners::local_runner {
public:
  local_runner(caf::actor_system& system, const caf::actor& gateway,
               std::shared_ptr<codec_context> handles, const welcome& greeting,
               runner_sockets sockets, const sigset_t& blocked_signals,
               std::function<void()> ended)
    : life_(std::make_shared<runner_life>()) {
    thread_ = std::thread{[this, lanes = std::move(sockets.lanes),
                           max = greeting.max_message, handles, blocked_signals,
                           ended = std::move(ended)]() mutable {
      run(std::move(lanes), {max, std::move(handles), true, blocked_signals},
          ended);
    }};
    terminator::callbacks calls;
    calls.on_joined = [] {};
    calls.on_refused = telling(runner_life::refused);
    calls.on_drain = [tell = telling(runner_life::draining)] {
      tell({});
    };
    calls.on_stop = [tell = telling(runner_life::ordered_to_stop)] {
      tell({});
    };
    calls.on_parent_gone = [tell = telling(runner_life::parent_gone)] {
      tell({});
    };
    auto placed =
      std::make_shared<children>(system, handles, [](std::size_t) {});
    auto made = system.spawn<terminator>(greeting, gateway, std::move(placed),
                                         std::move(calls));
    caf::anon_send(made, join_atom::value);
  }

  ~local_runner() {
    thread_.join();
  }

  bool ended() const noexcept {
    return ended_;
  }

private:
  /// The terminator may outlive this object, and with it the callbacks.
  std::function<void(const caf::error&)> telling(runner_life::event what) {
    return [life = life_, what](const caf::error&) {
      life->tell(what);
    };
  }

  void run(unique_fd lanes, lane_server::options options,
           const std::function<void()>& ended) {
    {
      lane_server server{std::move(lanes),
                         std::move(options),
                         {.on_parent_gone = [life = life_] {
                           life->tell(runner_life::parent_gone);
                         }}};
      while (!life_->has(runner_life::ordered_to_stop)
             && !life_->has(runner_life::parent_gone)
             && !life_->has(runner_life::refused)) {
        life_->wait(std::chrono::steady_clock::time_point::max());
        if (life_->take(runner_life::draining))
          server.request_stop(true);
      }
    }
    ended();
    ended_ = true;
  }

  std::shared_ptr<runner_life> life_;
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

local_runners::local_runners() = default;

local_runners::~local_runners() {
  join();
}

void local_runners::serve(caf::actor_system& system, const caf::actor& gateway,
                          std::shared_ptr<codec_context> handles,
                          const welcome& greeting, runner_sockets sockets,
                          std::function<void()> ended) {
  std::lock_guard guard{mutex_};
  all_.remove_if([](const auto& each) {
    return each->ended();
  });
  all_.push_back(std::make_unique<local_runner>(
    system, gateway, std::move(handles), greeting, std::move(sockets),
    blocked_signals_, std::move(ended)));
}

void local_runners::join() {
  std::list<std::unique_ptr<local_runner>> ending;
  std::lock_guard guard{mutex_};
  ending.swap(all_);
  ending.clear();
}

} // namespace flame::detail
