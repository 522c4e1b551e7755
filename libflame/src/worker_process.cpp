#include <cstdio>
#include <cstdlib>
#include <fstream>

#include <malloc.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lane_server.hpp"
#include "zygote.hpp"

namespace flame::detail {

namespace {

/// Not what a process has mapped when it starts, which is mostly code: what it
/// may map beside.
void limit_memory(std::size_t most) {
  if (most == 0)
    return;
  // Each arena reserves 64 MiB of addresses for a thread that may need 1.
  ::mallopt(M_ARENA_MAX, 1);
  std::size_t pages = 0;
  std::ifstream{"/proc/self/statm"} >> pages;
  // The threads that serve the lane have stacks.
  constexpr std::size_t stacks = std::size_t{32} << 20;
  auto now = pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  rlimit limit{now + stacks + most, now + stacks + most};
  ::setrlimit(RLIMIT_AS, &limit);
}

[[noreturn]] void leave() {
  std::fflush(nullptr);
  ::_exit(EXIT_SUCCESS);
}

void start_program(const worker_options& options, int lane) {
  try {
    if (options.start)
      options.start();
  } catch (...) {
    auto failure = describe_current_exception();
    refuse_lane(lane, {errc::boot_failed,
                       "a worker could not start: " + failure.message,
                       failure.remote_type});
    ::shutdown(lane, SHUT_RDWR);
    leave();
  }
}

} // namespace

void run_worker(const worker_options& options, worker_birth birth) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != birth.zygote)
    ::_exit(EXIT_SUCCESS);
  ::prctl(PR_SET_NAME, "flame.worker");
  ::dup2(birth.output.get(), STDERR_FILENO);
  birth.output.reset();
  start_program(options, birth.lane.get());
  waker done;
  auto tell = [notes = birth.notes.get()](char what) {
    [[maybe_unused]] auto ignored = ::send(notes, &what, 1, MSG_NOSIGNAL);
  };
  lane_server::callbacks calls;
  calls.on_parent_gone = [] {
    ::_exit(EXIT_SUCCESS);
  };
  calls.on_unlinked_began = [tell] {
    tell(unlinked_began);
  };
  calls.on_unlinked_done = [tell] {
    tell(unlinked_ended);
  };
  calls.on_last_lane_ended = [&done] {
    done.wake();
  };
  lane_server server{std::move(birth.notes),
                     lane_server::options{options.max_body, nullptr, true,
                                          options.blocked_signals,
                                          options.runner, options.max_calls,
                                          memory_note(options), birth.state},
                     std::move(calls)};
  limit_memory(options.memory_limit);
  birth.state->is_ready = true;
  server.serve(std::move(birth.lane));
  pollfd until{done.fd(), POLLIN, 0};
  while (::poll(&until, 1, -1) < 0)
    continue;
  leave();
}

} // namespace flame::detail
