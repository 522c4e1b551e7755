#include "runner_main.hpp"

#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <optional>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

#include "control_link.hpp"
#include "flame/error.hpp"
#include "heartbeat.hpp"
#include "lane.hpp"
#include "lane_server.hpp"
#include "node_impl.hpp"
#include "runner_life.hpp"
#include "terminator.hpp"
#include "threads.hpp"
#include "tree_printer.hpp"
#include "zygote.hpp"

namespace flame::detail {

namespace {

using clock = std::chrono::steady_clock;

/// Exit statuses of a runner that does not end as it should (sysexits.h).
constexpr int status_cannot_start = 70;
constexpr int status_refused = 76;
constexpr int status_no_parent = 75;

/// As a shell tells it of a process that SIGTERM has ended.
constexpr int status_terminated = 128 + SIGTERM;

/// How long the parent may take to send the few bytes of its welcome, which it
/// sends before it starts the runner.
constexpr int welcome_timeout_ms = 5000;

time_point after(duration time) {
  auto now = clock::now();
  return time >= time_point::max() - now ? time_point::max() : now + time;
}

runner_sockets inherited_sockets() {
  std::string_view value = std::getenv("FLAME_RUNNER");
  int control = -1;
  int lanes = -1;
  auto* end = value.data() + value.size();
  auto first = std::from_chars(value.data(), end, control);
  if (first.ec == std::errc{} && first.ptr != end)
    std::from_chars(first.ptr + 1, end, lanes);
  // Neither a nested flame program nor ffmpeg is to see any of this.
  auto hide = [](int fd) {
    return fd > 2 && ::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
  };
  auto are_open = hide(control) && hide(lanes);
  ::unsetenv("FLAME_RUNNER");
  if (!are_open)
    throw call_error{errc::backend_failed,
                     "FLAME_RUNNER is set, but the descriptors that it names "
                     "are not open: it is set for processes that a backend "
                     "starts, and for no others"};
  return {unique_fd{control}, unique_fd{lanes}};
}

welcome receive_welcome(int lanes) {
  pollfd ready{lanes, POLLIN, 0};
  std::vector<char> bytes(64 * 1024);
  ssize_t size = -1;
  if (::poll(&ready, 1, welcome_timeout_ms) == 1)
    size = ::recv(lanes, bytes.data(), bytes.size(), 0);
  if (size <= 0)
    throw call_error{errc::backend_failed,
                     "the parent was gone before the runner was there"};
  bytes.resize(static_cast<std::size_t>(size));
  return from_bytes<welcome>(bytes);
}

unique_fd receive_heartbeat(const welcome& greeting, int lanes) {
  if (greeting.heartbeat_interval <= duration::zero())
    return {};
  auto got = receive_descriptor(lanes, MSG_DONTWAIT);
  if (got.data != heartbeat_connection || !got.fd)
    throw call_error{errc::backend_failed,
                     "the parent has not sent what it announced"};
  return std::move(got.fd);
}

/// The process of a runner: everything in it lives until the process ends.
///
/// The main thread starts the program, which may take long or never end. A
/// thread of its own watches over the life of the process from the beginning,
/// and is the only one that ends it, so that no code of a user can be in the
/// way.
class runner_process {
public:
  explicit runner_process(const program& what)
    : what_(what),
      sockets_(inherited_sockets()),
      welcome_(receive_welcome(sockets_.lanes.get())),
      heartbeat_(receive_heartbeat(welcome_, sockets_.lanes.get())),
      joined_by_(after(welcome_.boot_timeout)) {
    ::prctl(PR_SET_NAME, welcome_.runner.substr(0, 15).c_str());
    parent_ = {welcome_.pool, welcome_.runner, welcome_.parent_pid};
    set_parent(&parent_);
    start_zygote();
    if (!install_runner_signals(life_, welcome_.parent_pid,
                                (welcome_.signs & by_signal) != 0))
      end_process(status_no_parent, true);
    watch_zygote();
    listen_to_parent();
    watch_ = start_thread("flame.life", [this] {
      live();
    });
  }

  [[noreturn]] void serve(node_options options, std::vector<std::string> args) {
    auto state =
      std::make_unique<node::impl>(std::move(options), std::move(args), true);
    auto& system = state->system;
    auto gateway = connect_control(system, std::move(sockets_.control),
                                   welcome_.boot_timeout);
    connect_topics(*state, gateway);
    start_lanes(state->handles);
    start_terminator(system, gateway, state->handles);
    is_connected_ = true;
    self_.emplace(std::move(state));
    on_sigusr1_.emplace([this] {
      return to_string(self_->tree());
    });
    if (what_.start)
      what_.start(*self_);
    caf::anon_send(terminator_, join_atom::value);
    watch_.join();
    std::abort();
  }

private:
  /// First of all: it must be forked before there are threads.
  void start_zygote() {
    worker_options options;
    options.runner = welcome_.runner;
    options.max_body = welcome_.max_message;
    options.stop_grace = welcome_.stop_grace;
    options.memory_limit = welcome_.memory_limit;
    options.max_calls = welcome_.max_calls_per_worker;
    options.blocked_signals = own_signal_mask();
    options.start = what_.start_worker;
    try {
      zygote_.emplace(std::move(options),
                      std::vector{sockets_.control.get(), sockets_.lanes.get(),
                                  heartbeat_.get()});
    } catch (const call_error& error) {
      if (welcome_.isolation == isolation::process)
        throw;
      // Only calls that want it are told.
      no_zygote_ = error.what();
    }
  }

  void watch_zygote() {
    if (!zygote_)
      return;
    zygote::callbacks calls;
    calls.on_unlinked_done = [this] {
      life_.tell(runner_life::unlinked_ended);
    };
    calls.on_ended = [this] {
      life_.tell(runner_life::zygote_ended);
    };
    zygote_->watch(std::move(calls));
  }

  void listen_to_parent() {
    if (!heartbeat_)
      return;
    heartbeat_options how{welcome_.heartbeat_interval,
                          welcome_.heartbeat_tolerance};
    listener_.emplace(std::move(heartbeat_), how, [this] {
      life_.tell(runner_life::parent_silent);
    });
  }

  /// What ends the process, and when.
  [[noreturn]] void live() {
    for (;;) {
      auto is_in_time = life_.wait(next_deadline());
      if (life_.has(runner_life::parent_gone))
        parent_is_gone();
      if (life_.has(runner_life::parent_silent))
        parent_is_silent();
      if (life_.has(runner_life::ordered_to_stop))
        end_process(EXIT_SUCCESS, false);
      if (life_.has(runner_life::refused))
        end_process(status_refused, false);
      if (life_.has(runner_life::zygote_ended))
        end("ends: the process that its isolated calls are forked from was "
            "ended",
            status_cannot_start);
      if (life_.has(runner_life::told_to_end))
        end("was told twice to end", status_terminated);
      if (life_.take(runner_life::draining))
        request_stop(true);
      if (life_.has(runner_life::asked_to_drain))
        drain();
      if (!is_in_time)
        too_late();
    }
  }

  std::optional<remote_failure> isolate(int lane) {
    if (!zygote_)
      return remote_failure{errc::invalid_configuration, no_zygote_, {}};
    auto why = zygote_->serve(lane);
    if (why.empty())
      return std::nullopt;
    return remote_failure{errc::out_of_resources, std::move(why), {}};
  }

  void request_stop(bool unlinked_too) {
    server_->request_stop(unlinked_too);
    if (zygote_)
      zygote_->request_stop(unlinked_too);
  }

  bool has_unlinked_work() const {
    return server_->running_unlinked() > 0 || life_.unlinked_children > 0
           || (zygote_ && zygote_->running_unlinked() > 0);
  }

  /// Before anything can be published or subscribed to here.
  void connect_topics(const node::impl& state, const caf::actor& gateway) {
    auto* proxies = state.handles->unit()->proxy_registry_ptr();
    if (auto broker = proxies->get_or_put(gateway.node(), welcome_.pubsub))
      state.bus->connect(caf::actor_cast<caf::actor>(broker), welcome_.id);
  }

  void start_lanes(const std::shared_ptr<codec_context>& handles) {
    lane_server::callbacks calls;
    calls.on_parent_gone = [this] {
      life_.tell(runner_life::parent_gone);
    };
    calls.on_unlinked_done = [this] {
      life_.tell(runner_life::unlinked_ended);
    };
    calls.on_worker_lane = [this](int lane) {
      return isolate(lane);
    };
    server_.emplace(std::move(sockets_.lanes),
                    lane_server::options{welcome_.max_message, handles,
                                         (welcome_.signs & by_lanes) != 0,
                                         own_signal_mask(), welcome_.runner},
                    std::move(calls));
  }

  void start_terminator(caf::actor_system& system, const caf::actor& gateway,
                        std::shared_ptr<codec_context> handles) {
    auto placed = std::make_shared<children>(
      system, std::move(handles), [this](std::size_t unlinked) {
        life_.unlinked_children = unlinked;
        life_.tell(runner_life::unlinked_ended);
      });
    terminator::callbacks calls;
    calls.on_joined = [this] {
      life_.tell(runner_life::joined);
    };
    calls.on_refused = [this](const caf::error& why) {
      std::cerr << "the parent refuses this runner: " << describe(why)
                << std::endl;
      life_.tell(runner_life::refused);
    };
    calls.on_drain = [this] {
      life_.tell(runner_life::draining);
    };
    calls.on_stop = [this] {
      life_.tell(runner_life::ordered_to_stop);
    };
    calls.on_parent_gone = [this] {
      life_.tell(runner_life::parent_gone);
    };
    terminator_ = system.spawn<terminator>(welcome_, gateway, std::move(placed),
                                           std::move(calls));
  }

  time_point next_deadline() const {
    if (drained_by_)
      return *drained_by_;
    return life_.has(runner_life::joined) ? time_point::max() : joined_by_;
  }

  /// Says why on standard error, which is what the parent shows of a runner
  /// that it did not end itself.
  [[noreturn]] void end(std::string_view why, int status) {
    say(why);
    end_process(status, true);
  }

  void say(std::string_view what) {
    auto line = fmt::format("runner {} {}\n", welcome_.runner, what);
    [[maybe_unused]] auto ignored =
      ::write(STDERR_FILENO, line.data(), line.size());
  }

  [[noreturn]] void too_late() {
    if (drained_by_)
      end("was told to end, and what ran on it did not within "
          "shutdown_timeout",
          status_terminated);
    end("ends: no parent has let it join within boot_timeout",
        status_no_parent);
  }

  void drain() {
    if (drained_by_)
      return;
    // Nothing can run here yet.
    if (!is_connected_)
      end("was told to end before it was there", status_terminated);
    drained_by_ = after(welcome_.shutdown_timeout);
    // The parent knows what is on its way here; it says when nothing is left.
    caf::anon_send(terminator_, leave_atom::value);
  }

  [[noreturn]] void parent_is_silent() {
    say(fmt::format(
      "leaves its parent, which has not been heard of for {:g} s "
      "(heartbeat.tolerance), or has given this runner up",
      std::chrono::duration<double>(welcome_.heartbeat_tolerance).count()));
    parent_is_gone();
  }

  /// Linked work gets no time, unlinked work gets some.
  [[noreturn]] void parent_is_gone() {
    if (is_connected_) {
      request_stop(false);
      auto deadline = after(welcome_.shutdown_timeout);
      while (has_unlinked_work() && !life_.has(runner_life::told_to_end)
             && life_.wait(deadline))
        continue;
    }
    end_process(status_no_parent, true);
  }

  const program& what_;
  runner_life life_;
  runner_sockets sockets_;
  welcome welcome_;
  /// Until the zygote is there, and somebody listens.
  unique_fd heartbeat_;
  std::optional<heartbeat_listener> listener_;
  time_point joined_by_;
  parent_info parent_;
  std::optional<zygote> zygote_;
  /// Why there is none.
  std::string no_zygote_;
  std::optional<node> self_;
  std::optional<tree_printer> on_sigusr1_;
  /// Both are there once `is_connected_` is set.
  std::optional<lane_server> server_;
  caf::actor terminator_;
  std::atomic<bool> is_connected_ = false;
  std::optional<time_point> drained_by_;
  std::thread watch_;
};

} // namespace

bool is_started_as_runner() noexcept {
  return std::getenv("FLAME_RUNNER") != nullptr;
}

void serve_as_runner(node_options options, std::vector<std::string> args,
                     const program& what) {
  try {
    // Never destroyed: the process ends while actors and functions run.
    auto* process = new runner_process(what);
    process->serve(std::move(options), std::move(args));
  } catch (const std::exception& error) {
    end_as_unable(error);
  } catch (...) {
    std::cerr << "this runner cannot start" << std::endl;
  }
  end_process(status_cannot_start, false);
}

void end_as_unable(const std::exception& why) {
  std::cerr << "this runner cannot start: " << why.what() << std::endl;
  end_process(status_cannot_start, false);
}

} // namespace flame::detail
