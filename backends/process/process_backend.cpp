#include "process/process_backend.hpp"

#include <csignal>
#include <cstring>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "flame/detail/signals.hpp"
#include "flame/error.hpp"
#include "process/launcher.hpp"
#include "process/output.hpp"

namespace flame {

namespace {

namespace asio = boost::asio;

struct pipe_ends {
  detail::unique_fd read;
  detail::unique_fd write;
};

/// Says by errno that the system refused to do `what`.
[[noreturn]] void throw_refused(const char* what) {
  throw call_error{errc::out_of_resources,
                   fmt::format("cannot {} for a runner: {} (see ulimit -n)",
                               what, std::strerror(errno))};
}

pipe_ends make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    throw_refused("make a pipe");
  return {detail::unique_fd{ends[0]}, detail::unique_fd{ends[1]}};
}

/// The one thread that starts processes and waits for them. Long-lived, because
/// the kernel sends the parent-death signal when the *thread* that started a
/// process ends.
class process_loop {
public:
  process_loop()
    : thread_([this] {
        run();
      }) {
    // nop
  }

  ~process_loop() {
    work_.reset();
    thread_.join();
  }

  asio::io_context& io() noexcept {
    return io_;
  }

private:
  void run() {
    auto blocked = detail::signals_of_program();
    pthread_sigmask(SIG_SETMASK, &blocked, nullptr);
    pthread_setname_np(pthread_self(), "flame.process");
    for (;;) {
      try {
        io_.run();
        return;
      } catch (const std::exception&) {
        // One handler that cannot do its work, for want of memory say, must not
        // end the program, nor the watch over other runners.
      }
    }
  }

  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{
    io_.get_executor()};
  /// With the first descriptor the context asks the system for what it waits
  /// with. That may be refused, and is better refused here than at a boot.
  asio::posix::stream_descriptor first_{io_};
  std::thread thread_;
};

/// `PIDFD_SIGNAL_PROCESS_GROUP`, which is younger than the headers that this is
/// built with.
constexpr unsigned signal_group = 1u << 2;

exit_info exit_info_from(const siginfo_t& how) {
  exit_info result;
  result.how = how.si_code == CLD_EXITED ? exit_info::kind::exited
                                         : exit_info::kind::signaled;
  result.status = how.si_status;
  return result;
}

/// A process that runs, until it has been reaped. Used on the loop's thread,
/// except for `terminate`.
///
/// It is told from others by a descriptor, not by its number: a program that
/// ignores SIGCHLD, or waits for any child, reaps it as soon as it ends, and
/// the number may then be that of another process.
class running_process : public std::enable_shared_from_this<running_process> {
public:
  running_process(asio::io_context& io, child_process process,
                  std::shared_ptr<output_reader> out,
                  std::shared_ptr<output_reader> err,
                  std::function<void(exit_info)> on_exit)
    : process_(std::move(process)),
      pid_(process_.id()),
      ended_(io),
      out_(std::move(out)),
      err_(std::move(err)),
      on_exit_(std::move(on_exit)) {
    // nop
  }

  /// @throws call_error `out_of_resources`
  void watch() {
    detail::unique_fd end{static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0))};
    if (!end)
      throw_refused("open a pidfd");
    ended_.assign(end.get());
    static_cast<void>(end.release());
    out_->start();
    err_->start();
    ended_.async_wait(asio::posix::stream_descriptor::wait_read,
                      [self = shared_from_this()](const auto&) {
                        self->reap();
                      });
  }

  /// Any thread.
  void terminate() {
    std::lock_guard guard{mutex_};
    if (!is_reaped_)
      kill_group();
  }

  int pid() const noexcept {
    return pid_;
  }

private:
  void reap() {
    exit_info info;
    {
      std::lock_guard guard{mutex_};
      // What the runner has started ends with it.
      kill_group();
      siginfo_t how{};
      if (wait_for(how, WEXITED))
        info = exit_info_from(how);
      else
        info.detail = fmt::format(
          "how is not known ({}), because this program reaps its children "
          "itself: it ignores SIGCHLD, or waits for any child",
          std::strerror(errno));
      is_reaped_ = true;
      process_.detach();
    }
    boost::system::error_code ignored;
    ended_.close(ignored);
    out_->finish();
    err_->finish();
    info.last_lines = err_->last_lines();
    std::exchange(on_exit_, nullptr)(std::move(info));
  }

  bool wait_for(siginfo_t& how, int options) {
    auto fd = static_cast<id_t>(ended_.native_handle());
    int result = -1;
    do
      result = ::waitid(P_PIDFD, fd, &how, options);
    while (result != 0 && errno == EINTR);
    return result == 0;
  }

  void kill_group() {
    // Before Linux 6.9, a group is named by its number. That is the group's own
    // as long as the process has not been reaped.
    if (::syscall(SYS_pidfd_send_signal, ended_.native_handle(), SIGKILL,
                  nullptr, signal_group)
        == 0)
      return;
    siginfo_t ignored{};
    if (wait_for(ignored, WEXITED | WNOHANG | WNOWAIT))
      ::kill(-pid_, SIGKILL);
  }

  child_process process_;
  const int pid_;
  /// Becomes readable when the process has ended.
  asio::posix::stream_descriptor ended_;
  std::shared_ptr<output_reader> out_;
  std::shared_ptr<output_reader> err_;
  std::function<void(exit_info)> on_exit_;
  std::mutex mutex_;
  bool is_reaped_ = false;
};

class process_instance final : public instance {
public:
  explicit process_instance(std::shared_ptr<running_process> process)
    : process_(std::move(process)) {
    // nop
  }

  ~process_instance() override {
    terminate();
  }

  std::string id() const override {
    return fmt::format("{}", process_->pid());
  }

  void terminate() override {
    process_->terminate();
  }

private:
  std::shared_ptr<running_process> process_;
};

class process_backend final : public backend {
public:
  std::vector<setting_mistake> check(
    const std::map<std::string, std::string>& settings) const override {
    return unknown_settings(settings, {executable});
  }

  void boot(boot_request request,
            std::function<void(boot_result)> done) override {
    auto job = std::make_shared<boot_request>(std::move(request));
    asio::post(loop_.io(), [&loop = loop_, job, done = std::move(done)] {
      if (job->cancelled.stop_requested())
        done(make_error(errc::cancelled, "the boot was cancelled"));
      else
        done(start(loop, *job));
    });
  }

private:
  static constexpr const char* executable = "executable";

  static boot_result start(process_loop& loop, boot_request& request) {
    auto command = request.command;
    if (auto own = request.settings.find(executable);
        own != request.settings.end())
      command.front() = own->second;
    try {
      return spawn(loop, request, command);
    } catch (const call_error& error) {
      return error.to_error();
    } catch (const boost::system::system_error& error) {
      return cannot_start(command.front(), error.code());
    } catch (const std::exception& error) {
      return make_error(
        errc::backend_failed,
        fmt::format("cannot start {}: {}", command.front(), error.what()));
    }
  }

  static boot_result spawn(process_loop& loop, boot_request& request,
                           const std::vector<std::string>& command) {
    detail::unique_fd nothing{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    if (!nothing)
      throw_refused("open /dev/null");
    auto out = make_pipe();
    auto err = make_pipe();
    spawn_launcher launch{{nothing.get(), out.write.get(), err.write.get(),
                           request.sockets.control.get(),
                           request.sockets.lanes.get()},
                          request.environment};
    boost::system::error_code ec;
    auto process = launch(loop.io().get_executor(), ec, command);
    if (ec)
      return cannot_start(command.front(), ec);
    request.sockets = {};
    auto reader = [&](pipe_ends& pipe) {
      return std::make_shared<output_reader>(loop.io(), std::move(pipe.read),
                                             request.on_output);
    };
    auto running = std::make_shared<running_process>(
      loop.io(), std::move(process), reader(out), reader(err),
      std::move(request.on_exit));
    running->watch();
    return std::make_shared<process_instance>(std::move(running));
  }

  static caf::error cannot_start(const std::string& program,
                                 const boost::system::error_code& ec) {
    auto text = fmt::format("cannot start {}: {}", program, ec.message());
    switch (ec.value()) {
      case ENOENT:
      case EACCES:
      case ENOEXEC:
        return make_error(errc::invalid_configuration, text);
      case EMFILE:
      case ENFILE:
        return make_error(errc::out_of_resources, text + " (see ulimit -n)");
      case EAGAIN:
      case ENOMEM:
      case ENOSPC:
        return make_error(errc::out_of_resources, text);
      default:
        return make_error(errc::boot_failed, text);
    }
  }

  // Nothing that runs on the loop may own it: its thread cannot wait for
  // itself.
  process_loop loop_;
};

} // namespace

std::shared_ptr<backend> make_process_backend() {
  try {
    return std::make_shared<process_backend>();
  } catch (const std::exception& error) {
    throw call_error{
      errc::out_of_resources,
      fmt::format("cannot make the process backend: {}", error.what())};
  }
}

} // namespace flame
