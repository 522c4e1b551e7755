#include "runner_main.hpp"

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <optional>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <fmt/format.h>

#include "control_link.hpp"
#include "flame/error.hpp"
#include "lane_server.hpp"
#include "node_impl.hpp"
#include "runner_life.hpp"
#include "terminator.hpp"

namespace flame::detail {

namespace {

using clock = std::chrono::steady_clock;

/// Exit statuses of a runner that does not end as it should (sysexits.h).
constexpr int status_cannot_start = 70;
constexpr int status_refused = 76;
constexpr int status_no_parent = 75;

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

/// The process of a runner: everything in it lives until the process ends.
class runner_process {
public:
  runner_process(node_options options, std::vector<std::string> args,
                 const program& what)
    : sockets_(inherited_sockets()),
      welcome_(receive_welcome(sockets_.lanes.get())),
      joined_by_(after(welcome_.boot_timeout)) {
    ::prctl(PR_SET_NAME, welcome_.runner.substr(0, 15).c_str());
    parent_ = {welcome_.pool, welcome_.runner, welcome_.parent_pid};
    set_parent(&parent_);
    if (!install_runner_signals(life_, welcome_.parent_pid,
                                (welcome_.signs & by_signal) != 0))
      end_process(status_no_parent, true);
    state_ = new node::impl(std::move(options), std::move(args), true);
    state_->gateway = connect_control(
      state_->system, std::move(sockets_.control), welcome_.boot_timeout);
    self_.emplace(std::unique_ptr<node::impl>{state_});
    if (what.start)
      what.start(*self_);
  }

  [[noreturn]] void serve() {
    start_lanes();
    start_terminator();
    for (;;) {
      auto is_in_time = life_.wait(next_deadline());
      if (life_.has(runner_life::parent_gone))
        parent_is_gone();
      if (life_.has(runner_life::ordered_to_stop))
        end_process(EXIT_SUCCESS, false);
      if (life_.has(runner_life::refused))
        end_process(status_refused, false);
      if (life_.has(runner_life::told_to_end))
        end_process(128 + SIGTERM, true);
      if (life_.take(runner_life::draining))
        server_->request_stop(true);
      if (life_.has(runner_life::asked_to_drain))
        drain();
      if (!is_in_time)
        too_late();
    }
  }

private:
  void start_lanes() {
    server_.emplace(std::move(sockets_.lanes),
                    lane_server::options{welcome_.max_message, state_->handles,
                                         (welcome_.signs & by_lanes) != 0},
                    [this] {
                      life_.tell(runner_life::parent_gone);
                    });
  }

  void start_terminator() {
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
    calls.on_unlinked = [this](std::size_t count) {
      life_.unlinked_children = count;
      life_.tell(runner_life::child_ended);
    };
    terminator_ = state_->system.spawn<terminator>(
      welcome_, state_->gateway, state_->handles, std::move(calls));
  }

  time_point next_deadline() const {
    if (drained_by_)
      return *drained_by_;
    return life_.has(runner_life::joined) ? time_point::max() : joined_by_;
  }

  void too_late() {
    if (!drained_by_)
      std::cerr << "no parent has let runner " << welcome_.runner
                << " join within boot_timeout" << std::endl;
    end_process(status_no_parent, true);
  }

  void drain() {
    if (drained_by_)
      return;
    drained_by_ = after(welcome_.shutdown_timeout);
    // The parent knows what is on its way here; it says when nothing is left.
    caf::anon_send(terminator_, leave_atom::value);
  }

  /// Linked work is told to stop and gets no time; unlinked work gets some.
  [[noreturn]] void parent_is_gone() {
    auto deadline = after(welcome_.shutdown_timeout);
    server_->request_stop(false);
    server_->wait_for_unlinked(deadline);
    while (life_.unlinked_children > 0 && life_.wait(deadline)
           && !life_.has(runner_life::told_to_end))
      continue;
    end_process(status_no_parent, true);
  }

  runner_life life_;
  runner_sockets sockets_;
  welcome welcome_;
  time_point joined_by_;
  parent_info parent_;
  node::impl* state_ = nullptr;
  std::optional<node> self_;
  std::optional<lane_server> server_;
  caf::actor terminator_;
  std::optional<time_point> drained_by_;
};

} // namespace

bool is_started_as_runner() noexcept {
  return std::getenv("FLAME_RUNNER") != nullptr;
}

void serve_as_runner(node_options options, std::vector<std::string> args,
                     const program& what) {
  try {
    // Never destroyed: the process ends while actors and functions run.
    auto* process =
      new runner_process(std::move(options), std::move(args), what);
    process->serve();
  } catch (const std::exception& error) {
    std::cerr << "this runner cannot start: " << error.what() << std::endl;
  } catch (...) {
    std::cerr << "this runner cannot start" << std::endl;
  }
  end_process(status_cannot_start, false);
}

} // namespace flame::detail
