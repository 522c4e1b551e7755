#include "subprocess.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <stdexcept>

// Boost.Process of Boost 1.81 uses these without including them.
#include <boost/optional.hpp>
#include <boost/type_traits.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/process/v2/process.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace media {

namespace asio = boost::asio;

namespace {

constexpr std::size_t max_lines = 20;
constexpr std::size_t max_line = 300;

[[noreturn]] void fail(std::string_view what, int error) {
  throw std::runtime_error{fmt::format("{}: {}", what, std::strerror(error))};
}

/// A descriptor that closes itself.
class owned_fd {
public:
  explicit owned_fd(int fd) : fd_(fd) {
    // nop
  }

  owned_fd(owned_fd&& other) noexcept : fd_(other.release()) {
    // nop
  }

  owned_fd& operator=(owned_fd&&) = delete;

  ~owned_fd() {
    if (fd_ >= 0)
      ::close(fd_);
  }

  int get() const noexcept {
    return fd_;
  }

  int release() noexcept {
    return std::exchange(fd_, -1);
  }

private:
  int fd_;
};

struct pipe_ends {
  owned_fd read;
  owned_fd write;
};

pipe_ends make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    fail("cannot make a pipe", errno);
  return {owned_fd{ends[0]}, owned_fd{ends[1]}};
}

/// A socket, as writing to one whose other end is closed raises no signal if
/// told so.
pipe_ends make_input() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    fail("cannot make a pair of sockets", errno);
  return {owned_fd{ends[0]}, owned_fd{ends[1]}};
}

struct file_actions {
  file_actions() {
    posix_spawn_file_actions_init(&value);
  }

  ~file_actions() {
    posix_spawn_file_actions_destroy(&value);
  }

  file_actions(const file_actions&) = delete;
  file_actions& operator=(const file_actions&) = delete;

  posix_spawn_file_actions_t value;
};

struct attributes {
  attributes() {
    posix_spawnattr_init(&value);
    sigset_t blocked;
    sigset_t all;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGINT);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&value, &blocked);
    posix_spawnattr_setsigdefault(&value, &all);
    posix_spawnattr_setflags(&value,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }

  ~attributes() {
    posix_spawnattr_destroy(&value);
  }

  attributes(const attributes&) = delete;
  attributes& operator=(const attributes&) = delete;

  posix_spawnattr_t value;
};

/// Not by a launcher of Boost.Process, which forks: in a large process that is
/// slow, and its child would run destructors if the program cannot be executed.
pid_t spawn(const std::filesystem::path& program,
            const std::vector<std::string>& args, int in, int out, int err) {
  attributes attr;
  file_actions actions;
  if (in < 0)
    posix_spawn_file_actions_addopen(&actions.value, STDIN_FILENO, "/dev/null",
                                     O_RDONLY, 0);
  else
    posix_spawn_file_actions_adddup2(&actions.value, in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions.value, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions.value, err, STDERR_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&actions.value, STDERR_FILENO + 1);
  std::vector<char*> argv;
  // The interface is older than const; nothing is written there.
  argv.push_back(const_cast<char*>(program.c_str()));
  for (auto& each : args)
    argv.push_back(const_cast<char*>(each.c_str()));
  argv.push_back(nullptr);
  pid_t pid = -1;
  auto error = posix_spawn(&pid, program.c_str(), &actions.value, &attr.value,
                           argv.data(), environ);
  if (error != 0)
    fail(fmt::format("cannot start {}", program.string()), error);
  return pid;
}

bool is_executable(const std::filesystem::path& file) {
  std::error_code ec;
  return std::filesystem::is_regular_file(file, ec)
         && ::access(file.c_str(), X_OK) == 0;
}

} // namespace

std::filesystem::path find_program(const std::string& name) {
  auto* variable = std::getenv("PATH");
  std::string_view path = variable ? variable : "";
  while (!path.empty()) {
    auto end = std::min(path.find(':'), path.size());
    auto file = std::filesystem::path{path.substr(0, end)} / name;
    if (end > 0 && is_executable(file))
      return file;
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  throw std::runtime_error{fmt::format(
    "{} is not in PATH: install ffmpeg, e.g. with apt-get install ffmpeg",
    name)};
}

std::string to_string(const exit_status& status) {
  if (status.by_signal)
    return fmt::format("signal {} ({})", status.code, strsignal(status.code));
  return fmt::format("exit status {}", status.code);
}

// -- last lines ---------------------------------------------------------------

void last_lines::push(std::string_view bytes) {
  while (!bytes.empty()) {
    auto end = std::min(bytes.find('\n'), bytes.size());
    if (!is_open_)
      lines_.emplace_back();
    auto room = max_line - std::min(lines_.back().size(), max_line);
    lines_.back().append(bytes.substr(0, std::min(end, room)));
    is_open_ = end == bytes.size();
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
    if (lines_.size() > max_lines)
      lines_.pop_front();
  }
}

namespace {

/// ffmpeg puts the address of the part that speaks before what it says:
/// `[mp4 @ 0x55dd02724ac0] moov atom not found`.
std::string_view without_speaker(std::string_view line) {
  auto end = line.find("] ");
  if (line.starts_with('[') && end != std::string_view::npos
      && line.substr(0, end).find(" @ 0x") != std::string_view::npos)
    line.remove_prefix(end + 2);
  return line;
}

} // namespace

std::string last_lines::text(std::size_t count) const {
  auto skip = lines_.size() - std::min(lines_.size(), count);
  std::string result;
  for (auto& line : lines_) {
    if (skip > 0) {
      --skip;
    } else if (!line.empty()) {
      if (!result.empty())
        result += "; ";
      result += without_speaker(line);
    }
  }
  return result;
}

// -- child processes ----------------------------------------------------------

class child_process::impl {
public:
  impl(asio::io_context& io, const std::filesystem::path& program,
       const std::vector<std::string>& args, input_from input)
    : impl(io, program, args, input,
           input.from == input_from::kind::writer
             ? make_input()
             : pipe_ends{owned_fd{-1}, owned_fd{-1}},
           make_pipe(), make_pipe()) {
    // nop
  }

  bool write(std::span<const char> bytes) {
    while (!bytes.empty()) {
      auto sent = ::send(in_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR)
        continue;
      if (sent < 0)
        return false;
      bytes = bytes.subspan(static_cast<std::size_t>(sent));
    }
    return true;
  }

  void end_input() {
    ::shutdown(in_.get(), SHUT_WR);
  }

  int pid() const noexcept {
    return pid_;
  }

  void on_exit(std::function<void(exit_status)> done) {
    process_.async_wait(
      [this, done = std::move(done)](const boost::system::error_code& ec, int) {
        if (ec == asio::error::operation_aborted)
          return;
        auto native = process_.native_exit_code();
        // It has been reaped: its number may belong to another process by now,
        // which this object must not touch any more.
        is_reaped_ = true;
        process_.detach();
        if (WIFSIGNALED(native))
          done({WTERMSIG(native), true});
        else
          done({WEXITSTATUS(native), false});
      });
  }

  void kill() {
    boost::system::error_code ignored;
    if (!is_reaped_)
      process_.terminate(ignored);
  }

  descriptor out;
  descriptor err;

private:
  impl(asio::io_context& io, const std::filesystem::path& program,
       const std::vector<std::string>& args, input_from input, pipe_ends writer,
       pipe_ends output, pipe_ends errors)
    : out(io),
      err(io),
      in_(std::move(writer.write)),
      pid_(spawn(program, args,
                 input.from == input_from::kind::descriptor ? input.fd
                                                            : writer.read.get(),
                 output.write.get(), errors.write.get())),
      process_(adopted(io, pid_)) {
    out.assign(output.read.release());
    err.assign(errors.read.release());
  }

  static boost::process::v2::process adopted(asio::io_context& io, pid_t pid) {
    try {
      return boost::process::v2::process{io.get_executor(), pid};
    } catch (...) {
      // Out of descriptors: nothing watches the process, so it must go.
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
      throw;
    }
  }

  owned_fd in_;
  pid_t pid_;
  boost::process::v2::process process_;
  bool is_reaped_ = false;
};

child_process::child_process(asio::io_context& io,
                             const std::filesystem::path& program,
                             const std::vector<std::string>& args,
                             input_from input)
  : impl_(std::make_unique<impl>(io, program, args, input)) {
  // nop
}

child_process::~child_process() = default;

bool child_process::write(std::span<const char> bytes) {
  return impl_->write(bytes);
}

void child_process::end_input() {
  impl_->end_input();
}

int child_process::pid() const noexcept {
  return impl_->pid();
}

child_process::descriptor& child_process::output() noexcept {
  return impl_->out;
}

child_process::descriptor& child_process::errors() noexcept {
  return impl_->err;
}

void child_process::on_exit(std::function<void(exit_status)> done) {
  impl_->on_exit(std::move(done));
}

void child_process::kill() {
  impl_->kill();
}

// -- running to the end -------------------------------------------------------

namespace {

class reading : public std::enable_shared_from_this<reading> {
public:
  reading(asio::posix::stream_descriptor& from,
          std::function<bool(std::string_view)> on_bytes,
          std::function<void()> done)
    : from_(from),
      on_bytes_(std::move(on_bytes)),
      done_(std::move(done)) {
    // nop
  }

  void next() {
    from_.async_read_some(
      asio::buffer(buffer_),
      [self = shared_from_this()](const boost::system::error_code& ec,
                                  std::size_t size) {
        self->got(ec, size);
      });
  }

private:
  void got(const boost::system::error_code& ec, std::size_t size) {
    if (ec == asio::error::operation_aborted)
      return;
    if (!ec && on_bytes_({buffer_.data(), size}))
      next();
    else
      done_();
  }

  asio::posix::stream_descriptor& from_;
  std::function<bool(std::string_view)> on_bytes_;
  std::function<void()> done_;
  std::array<char, 16 * 1024> buffer_;
};

} // namespace

void read_all(asio::posix::stream_descriptor& from,
              std::function<bool(std::string_view)> on_bytes,
              std::function<void()> done) {
  std::make_shared<reading>(from, std::move(on_bytes), std::move(done))->next();
}

finished_program run_program(const std::filesystem::path& program,
                             const std::vector<std::string>& args,
                             std::size_t max_output, std::stop_token stop,
                             input_from input) {
  asio::io_context io{1};
  child_process child{io, program, args, input};
  finished_program result;
  last_lines errors;
  read_all(child.output(), [&](std::string_view bytes) {
    result.output += bytes;
    if (result.output.size() <= max_output)
      return true;
    child.kill();
    return false;
  });
  read_all(child.errors(), [&](std::string_view bytes) {
    errors.push(bytes);
    return true;
  });
  child.on_exit([&](exit_status status) {
    result.status = status;
  });
  {
    std::stop_callback on_stop{stop, [&] {
                                 asio::post(io, [&] {
                                   result.was_stopped = true;
                                   child.kill();
                                 });
                               }};
    io.run();
  }
  if (result.output.size() > max_output)
    throw std::runtime_error{
      fmt::format("{} writes more than the {} bytes that were expected",
                  program.filename().string(), max_output)};
  result.errors = errors.text();
  return result;
}

} // namespace media
