#include "local_runners.hpp"

#include <atomic>
#include <optional>
#include <system_error>
#include <thread>

#include <fmt/format.h>

#include "flame/error.hpp"
#include "lane_server.hpp"
#include "runner_life.hpp"
#include "terminator.hpp"
#include "threads.hpp"

namespace flame::detail {

class local_runners::local_runner {
public:
  local_runner(unique_fd lanes, lane_server::options options)
    : life_(std::make_shared<runner_life>()) {
    lane_server::callbacks calls;
    calls.on_parent_gone = [life = life_] {
      life->tell(runner_life::parent_gone);
    };
    server_.emplace(std::move(lanes), std::move(options), std::move(calls));
  }

  ~local_runner() {
    if (thread_.joinable())
      thread_.join();
  }

  void start(caf::actor_system& system, const caf::actor& gateway,
             std::shared_ptr<codec_context> handles, const welcome& greeting,
             std::function<void()> ended) {
    thread_ = start_thread("flame.local", [this, ended = std::move(ended)] {
      run(ended);
    });
    try {
      spawn_terminator(system, gateway, std::move(handles), greeting);
    } catch (...) {
      never_started_ = true;
      life_->tell(runner_life::ordered_to_stop);
      throw;
    }
  }

  bool ended() const noexcept {
    return ended_;
  }

private:
  void spawn_terminator(caf::actor_system& system, const caf::actor& gateway,
                        std::shared_ptr<codec_context> handles,
                        const welcome& greeting) {
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
    auto placed = std::make_shared<children>(system, std::move(handles),
                                             [](std::size_t) {});
    auto made = system.spawn<terminator>(greeting, gateway, std::move(placed),
                                         std::move(calls));
    caf::anon_send(made, join_atom::value);
  }

  /// The terminator may outlive this object, and with it the callbacks.
  std::function<void(const caf::error&)> telling(runner_life::event what) {
    return [life = life_, what](const caf::error&) {
      life->tell(what);
    };
  }

  void run(const std::function<void()>& ended) {
    while (!life_->has(runner_life::ordered_to_stop)
           && !life_->has(runner_life::parent_gone)
           && !life_->has(runner_life::refused)) {
      life_->wait(std::chrono::steady_clock::time_point::max());
      if (life_->take(runner_life::draining))
        server_->request_stop(true);
    }
    server_.reset();
    if (!never_started_)
      ended();
    ended_ = true;
  }

  std::shared_ptr<runner_life> life_;
  /// Made before the thread: making it may fail, and a thread has nobody to
  /// tell.
  std::optional<lane_server> server_;
  /// Written before the thread is told to stop.
  bool never_started_ = false;
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
  try {
    // A list of its own first: nothing can fail once the runner runs.
    std::list<std::unique_ptr<local_runner>> starting;
    starting.push_back(std::make_unique<local_runner>(
      std::move(sockets.lanes),
      lane_server::options{greeting.max_message, handles, true,
                           blocked_signals_, greeting.runner}));
    starting.back()->start(system, gateway, std::move(handles), greeting,
                           std::move(ended));
    all_.splice(all_.end(), starting);
  } catch (const std::system_error& error) {
    throw call_error{
      errc::out_of_resources,
      fmt::format("cannot start a runner in this process: {}", error.what())};
  }
}

void local_runners::join() {
  std::list<std::unique_ptr<local_runner>> ending;
  std::lock_guard guard{mutex_};
  ending.swap(all_);
  ending.clear();
}

} // namespace flame::detail
