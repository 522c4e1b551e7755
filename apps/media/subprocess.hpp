/// Programs that this one starts: ffmpeg and ffprobe.
///
/// What is started has standard input, output and error and no other descriptor, so that no pipe stays open because another ffmpeg holds it. It
/// stays in the process group of whoever starts it: what ends a runner with its
/// group ends its ffmpeg. Ctrl-C on a terminal reaches the whole group as well;
/// SIGINT is blocked in what is started, because whoever started it decides
/// when it ends.
#pragma once

#include <cstddef>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

namespace media {

/// A file that can be executed, from the directories in PATH.
/// @throws std::runtime_error that says what to install
std::filesystem::path find_program(const std::string& name);

/// How a program ended.
struct exit_status {
  /// Exit status, or the number of the signal that ended it.
  int code = 0;
  bool by_signal = false;

  bool is_success() const noexcept {
    return code == 0 && !by_signal;
  }
};

/// `"exit status 1"` or `"signal 9 (Killed)"`.
std::string to_string(const exit_status& status);

/// The last lines of a text that comes in pieces; what is longer than a line of
/// output should be is cut.
class last_lines {
public:
  void push(std::string_view bytes);

  /// At most `count` lines, oldest first, separated by "; ".
  std::string text(std::size_t count = 5) const;

private:
  std::deque<std::string> lines_;
  bool is_open_ = false;
};

/// Where a program's standard input comes from.
struct input_from {
  enum class kind : unsigned char {
    /// There is none: `/dev/null`.
    nowhere,
    /// `child_process::write`.
    writer,
    /// A descriptor of this process, from its present position; it may be a
    /// file that has no name any more, which the program finds as `/dev/stdin`.
    descriptor,
  };

  kind from = kind::nowhere;
  int fd = -1;
};

/// A program that runs. Its destructor kills it if it still does, and waits for
/// its end, so that there is never a stray process or a zombie.
///
/// Used on one thread at a time.
class child_process {
public:
  using descriptor = boost::asio::posix::stream_descriptor;

  /// Starts `program`.
  /// @param input where its standard input comes from
  /// @throws std::runtime_error that names it
  child_process(boost::asio::io_context& io,
                const std::filesystem::path& program,
                const std::vector<std::string>& args, input_from input = {});

  ~child_process();

  /// Writes to its standard input, and waits while it does not read. For one
  /// thread at a time, which need not be that of the other members.
  /// @returns false if it reads no more
  bool write(std::span<const char> bytes);

  /// The end of its input, after what has been written. As `write`.
  void end_input();

  int pid() const noexcept;

  /// The end from which its standard output can be read.
  descriptor& output() noexcept;

  /// The same for its standard error.
  descriptor& errors() noexcept;

  /// Calls `done` in the context when the program has ended.
  void on_exit(std::function<void(exit_status)> done);

  /// Kills it if it still runs; `on_exit` follows.
  void kill();

private:
  class impl;

  std::unique_ptr<impl> impl_;
};

/// Reads a descriptor to its end in the background.
/// @param done called at the end, or once `on_bytes` has returned false
void read_all(
  boost::asio::posix::stream_descriptor& from,
  std::function<bool(std::string_view)> on_bytes,
  std::function<void()> done = [] {});

struct finished_program {
  exit_status status;
  std::string output;
  /// The last lines of its standard error.
  std::string errors;
  /// It was killed because of the stop token.
  bool was_stopped = false;
};

/// Runs a program to its end on this thread.
/// @param max_output a program that writes more is killed
/// @param input `nowhere` or `descriptor`
/// @param stop kills the program
/// @throws std::runtime_error if it cannot be started, or writes too much
finished_program run_program(const std::filesystem::path& program,
                             const std::vector<std::string>& args,
                             std::size_t max_output, std::stop_token stop,
                             input_from input = {});

} // namespace media
