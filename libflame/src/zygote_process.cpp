#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <new>
#include <optional>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "flame/backend.hpp"
#include "flame/config.hpp"
#include "lane.hpp"
#include "lane_server.hpp"
#include "timing.hpp"
#include "zygote.hpp"

namespace flame::detail {

std::string memory_note(const worker_options& options) {
  return options.memory_limit == 0
           ? std::string{}
           : "memory_limit is " + format_size(options.memory_limit);
}

namespace {

using clock = std::chrono::steady_clock;

/// How long a lane that ended in the middle of a frame is kept for a request
/// that shows that it did not. Whoever waits for the rest of the frame waits as
/// long.
constexpr auto verdict_time = std::chrono::milliseconds{10};

/// Passes on what a worker writes to its standard error, and remembers the last
/// of it.
class worker_output {
public:
  explicit worker_output(unique_fd from) : from_(std::move(from)) {
    // nop
  }

  int fd() const noexcept {
    return from_.get();
  }

  void close() noexcept {
    from_.reset();
  }

  /// Reads what is there.
  /// @returns false at the end
  bool read() {
    char bytes[4096];
    for (;;) {
      auto got = ::read(from_.get(), bytes, sizeof(bytes));
      if (got > 0)
        take({bytes, static_cast<std::size_t>(got)});
      else if (got == 0 || errno != EINTR)
        return got < 0 && errno == EAGAIN;
    }
  }

  /// At most 20, oldest first.
  std::vector<std::string> last_lines() const {
    constexpr std::size_t most = 20;
    std::vector<std::string> lines;
    std::string_view text{last_};
    while (!text.empty() && lines.size() < most) {
      if (text.ends_with('\n'))
        text.remove_suffix(1);
      auto begin = text.rfind('\n') + 1;
      lines.emplace(lines.begin(), text.substr(begin));
      text = text.substr(0, begin);
    }
    return lines;
  }

private:
  void take(std::string_view bytes) {
    constexpr std::size_t kept = 8 * 1024;
    last_ += bytes;
    if (last_.size() > 2 * kept)
      last_.erase(0, last_.size() - kept);
    // While the parent reads nothing, what a worker says is kept here alone: a
    // zygote that waits could neither end workers nor say how they ended.
    pollfd out{STDERR_FILENO, POLLOUT, 0};
    if (::poll(&out, 1, 0) == 1 && (out.revents & POLLOUT) != 0)
      [[maybe_unused]]
      auto ignored = ::write(STDERR_FILENO, bytes.data(), bytes.size());
  }

  unique_fd from_;
  std::string last_;
};

/// Memory that a worker and its zygote share.
struct unmap {
  void operator()(serving_state* what) const noexcept {
    ::munmap(what, sizeof(serving_state));
  }
};

using shared_state = std::unique_ptr<serving_state, unmap>;

/// Null without memory for it.
shared_state make_state() {
  auto* bytes = ::mmap(nullptr, sizeof(serving_state), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return shared_state{bytes == MAP_FAILED ? nullptr
                                          : new (bytes) serving_state};
}

struct worker {
  worker(unique_fd its_lane, unique_fd its_notes, unique_fd its_output)
    : lane(std::move(its_lane)),
      notes(std::move(its_notes)),
      output(std::move(its_output)) {
    // nop
  }

  /// The runner's end of the lane, as the worker has it.
  unique_fd lane;
  unique_fd notes;
  worker_output output;
  shared_state state = make_state();
  bool has_unlinked = false;
  /// When it is killed, once it was asked to stop.
  clock::time_point ends_by = clock::time_point::max();
};

/// A lane whose worker has ended while it was sending.
struct orphan {
  unique_fd lane;
  /// When it is closed.
  clock::time_point ends_by;
};

/// A handler and not SIG_IGN, which programs that are started would inherit.
void take_no_notice(int) {
  // nop
}

void handle(int signal) {
  struct sigaction action = {};
  action.sa_handler = take_no_notice;
  action.sa_flags = SA_RESTART;
  sigaction(signal, &action, nullptr);
}

class zygote_process {
public:
  zygote_process(worker_options options, unique_fd control)
    : options_(std::move(options)),
      control_(std::move(control)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::prctl(PR_SET_NAME, "flame.zygote");
    // The runner decides what they mean.
    handle(SIGTERM);
    handle(SIGPIPE);
    // Meant for the runner, where all processes of the program are told.
    handle(SIGUSR1);
    watch_children();
    ::getrlimit(RLIMIT_NOFILE, &files_);
    auto most = files_;
    most.rlim_cur = most.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &most);
    watch(control_.get(), EPOLLIN, key_of_control);
    watch(children_.get(), EPOLLIN, key_of_children);
  }

  [[noreturn]] void run() {
    epoll_event events[32];
    for (;;) {
      auto count =
        ::epoll_wait(epoll_.get(), events, std::size(events), patience());
      // Ends of workers last: what they have said before belongs to it.
      auto has_ended = false;
      for (int i = 0; i < count; ++i) {
        switch (events[i].data.u64) {
          case key_of_control:
            take_orders();
            break;
          case key_of_children:
            has_ended = true;
            break;
          default:
            worker_event(events[i].data.u64, events[i].events);
            break;
        }
      }
      if (has_ended)
        reap();
      end_overdue();
    }
  }

private:
  enum : std::uint64_t { key_of_control = 0, key_of_children = 1 };
  enum kind : std::uint64_t {
    lane_event,
    note_event,
    output_event,
    /// Of a lane that has lost its worker.
    orphan_event,
  };

  /// @param number of the process, or of the lane
  static std::uint64_t key_of(int number, kind what) {
    return (static_cast<std::uint64_t>(number) << 2) | what;
  }

  void watch_children() {
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGCHLD);
    sigprocmask(SIG_BLOCK, &ends, &signals_);
    children_ = unique_fd{::signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK)};
  }

  void unwatch(int fd) {
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  }

  void watch(int fd, std::uint32_t events, std::uint64_t key) {
    epoll_event event = {};
    event.events = events;
    event.data.u64 = key;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
  }

  int patience() const {
    auto first = clock::time_point::max();
    for (auto& [pid, each] : workers_)
      first = std::min(first, each.ends_by);
    for (auto& [fd, each] : orphans_)
      first = std::min(first, each.ends_by);
    if (first == clock::time_point::max())
      return -1;
    auto left = std::chrono::ceil<std::chrono::milliseconds>(
      std::max(first - clock::now(), clock::duration::zero()));
    return static_cast<int>(std::min<std::int64_t>(left.count(), 60'000));
  }

  void take_orders() {
    auto order = receive_descriptor(control_.get(), 0);
    // The runner is gone.
    if (order.size <= 0)
      ::_exit(EXIT_SUCCESS);
    if (order.fd)
      return start(std::move(order.fd));
    if (order_ != order_to_stop)
      order_ = order.data;
    for (auto& [pid, each] : workers_)
      tell(each.notes.get(), order.data);
  }

  static void tell(int socket, char what) {
    [[maybe_unused]] auto ignored =
      ::send(socket, &what, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
  }

  void start(unique_fd lane) {
    int output[2] = {-1, -1};
    int notes[2] = {-1, -1};
    auto has_output = ::pipe2(output, O_CLOEXEC) == 0;
    auto has_notes =
      ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, notes) == 0;
    unique_fd ends[] = {unique_fd{output[0]}, unique_fd{output[1]},
                        unique_fd{notes[0]}, unique_fd{notes[1]}};
    worker made{std::move(lane), std::move(ends[2]), std::move(ends[0])};
    auto zygote = ::getpid();
    auto pid = has_output && has_notes && made.state ? ::fork() : -1;
    if (pid < 0) {
      refuse_lane(made.lane.get(),
                  {errc::out_of_resources,
                   fmt::format("cannot fork a process for an isolated call: {}",
                               std::strerror(errno)),
                   {}});
      return;
    }
    if (pid == 0) {
      made.notes.reset();
      made.output.close();
      become_worker({std::move(made.lane), std::move(ends[3]),
                     std::move(ends[1]), made.state.get(), zygote});
    }
    adopt(pid, std::move(made));
  }

  void adopt(pid_t pid, worker made) {
    auto& added = workers_.emplace(pid, std::move(made)).first->second;
    ::fcntl(added.output.fd(), F_SETFL, O_NONBLOCK);
    // Only that its caller leaves: what is on the lane is the worker's.
    watch(added.lane.get(), EPOLLRDHUP | EPOLLET, key_of(pid, lane_event));
    watch(added.notes.get(), EPOLLIN, key_of(pid, note_event));
    watch(added.output.fd(), EPOLLIN, key_of(pid, output_event));
    // A lane may come after the order to stop all.
    if (order_)
      tell(added.notes.get(), *order_);
  }

  [[noreturn]] void become_worker(worker_birth birth) {
    workers_.clear();
    orphans_.clear();
    control_.reset();
    children_.reset();
    epoll_.reset();
    ::setrlimit(RLIMIT_NOFILE, &files_);
    sigprocmask(SIG_SETMASK, &signals_, nullptr);
    run_worker(options_, std::move(birth));
  }

  void worker_event(std::uint64_t key, std::uint32_t events) {
    if ((key & 3) == orphan_event)
      return orphan_changed(static_cast<int>(key >> 2));
    auto found = workers_.find(static_cast<pid_t>(key >> 2));
    if (found == workers_.end())
      return;
    auto& from = found->second;
    switch (static_cast<kind>(key & 3)) {
      case lane_event:
        lane_changed(from, events);
        break;
      case note_event:
        take_note(from);
        break;
      case output_event:
        if (!from.output.read())
          unwatch(from.output.fd());
        break;
      case orphan_event:
        break;
    }
  }

  /// Its caller has left, the parent is gone, or the worker has ended the lane.
  /// Whichever it is, the worker is not needed any more; but what is not linked
  /// goes on for as long as the runner says when the parent is gone.
  void lane_changed(worker& of, std::uint32_t events) {
    auto is_whole = (events & (EPOLLHUP | EPOLLERR)) != 0;
    if (!(is_whole && of.has_unlinked) && !is_endless(options_.stop_grace))
      of.ends_by = std::min(of.ends_by, clock::now() + options_.stop_grace);
  }

  void take_note(worker& from) {
    char note;
    if (::recv(from.notes.get(), &note, 1, MSG_DONTWAIT) != 1) {
      // It is ending.
      unwatch(from.notes.get());
      return;
    }
    from.has_unlinked = note == unlinked_began;
    tell(control_.get(), note);
  }

  void reap() {
    signalfd_siginfo info;
    while (::read(children_.get(), &info, sizeof(info)) == sizeof(info))
      continue;
    int status;
    while (auto pid = ::waitpid(-1, &status, WNOHANG)) {
      if (pid < 0)
        return;
      if (auto found = workers_.find(pid); found != workers_.end()) {
        auto gone = std::move(found->second);
        workers_.erase(found);
        ended(std::move(gone), status);
      }
    }
  }

  /// The one place where it is decided how an isolated call has ended whose
  /// function did not.
  void ended(worker what, int status) {
    what.output.read();
    if (what.has_unlinked)
      tell(control_.get(), unlinked_ended);
    if (has_ended(what.lane.get()))
      return;
    // It may be watched on behalf of another worker.
    unwatch(what.lane.get());
    // In the middle of a frame nothing can be said. The frame may be the whole
    // of an answer, though, which its caller has by now.
    if (what.state->is_sending) {
      hold(std::move(what.lane));
      return;
    }
    // A request that has come meanwhile is still in the socket.
    if (what.state->is_ready && !what.state->is_busy) {
      start(std::move(what.lane));
      return;
    }
    exit_info info;
    info.how =
      WIFSIGNALED(status) ? exit_info::kind::signaled : exit_info::kind::exited;
    info.status = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
    info.last_lines = what.output.last_lines();
    if (status != 0)
      info.detail = memory_note(options_);
    refuse_lane(what.lane.get(),
                {errc::call_crashed,
                 (WIFSIGNALED(status) ? "the process of the call was "
                                      : "the process of the call ")
                   + to_string(info),
                 {}});
  }

  void hold(unique_fd lane) {
    auto fd = lane.get();
    watch(fd, EPOLLIN | EPOLLRDHUP, key_of(fd, orphan_event));
    orphans_.emplace(fd, orphan{std::move(lane), clock::now() + verdict_time});
  }

  /// Whoever sends a request has had the answer to the one before, and gets
  /// another worker.
  void orphan_changed(int fd) {
    auto found = orphans_.find(fd);
    if (found == orphans_.end())
      return;
    auto lane = std::move(found->second.lane);
    orphans_.erase(found);
    unwatch(fd);
    std::byte bytes[frame_header::size];
    auto got = ::recv(fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);
    if (got == sizeof(bytes) && is_request(bytes))
      start(std::move(lane));
  }

  /// By its worker, which has done its work, or by the parent.
  static bool has_ended(int lane) {
    pollfd end{lane, POLLRDHUP, 0};
    return ::poll(&end, 1, 0) != 0;
  }

  void end_overdue() {
    auto now = clock::now();
    for (auto& [pid, each] : workers_) {
      if (now < each.ends_by)
        continue;
      each.ends_by = clock::time_point::max();
      ::kill(pid, SIGKILL);
      auto line = fmt::format("a call in worker {} was ended by force: it had "
                              "not ended {:g} s after it was asked to stop "
                              "(stop_grace)\n",
                              pid, in_seconds(options_.stop_grace));
      [[maybe_unused]] auto ignored =
        ::write(STDERR_FILENO, line.data(), line.size());
    }
    std::erase_if(orphans_, [now](const auto& entry) {
      return now >= entry.second.ends_by;
    });
  }

  static double in_seconds(duration time) {
    return std::chrono::duration<double>(time).count();
  }

  const worker_options options_;
  unique_fd control_;
  unique_fd epoll_;
  unique_fd children_;
  /// What was blocked before.
  sigset_t signals_ = {};
  rlimit files_ = {};
  /// What the runner has said about calls that run: it is about to end.
  std::optional<char> order_;
  std::map<pid_t, worker> workers_;
  std::map<int, orphan> orphans_;
};

} // namespace

void run_zygote(worker_options options, unique_fd control) {
  zygote_process{std::move(options), std::move(control)}.run();
}

} // namespace flame::detail
