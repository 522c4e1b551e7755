// Runs the program `thumbnails` on a terminal.

#include <cstdlib>
#include <regex>

#include <sys/ioctl.h>

#include "thumbnails_test.hpp"

namespace {

using namespace thumbnails_test;

constexpr unsigned short columns = 72;

/// A program on a terminal of its own, which it controls. Its destructor kills
/// it.
class terminal_program {
public:
  terminal_program(std::vector<std::string> command, const variables& changes)
    : terminal_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    REQUIRE(terminal_ >= 0);
    REQUIRE(::grantpt(terminal_) == 0);
    REQUIRE(::unlockpt(terminal_) == 0);
    winsize size{24, columns, 0, 0};
    REQUIRE(::ioctl(terminal_, TIOCSWINSZ, &size) == 0);
    pid_ = spawn(std::move(command), changes, POSIX_SPAWN_SETSID,
                 [&](posix_spawn_file_actions_t* files) {
                   posix_spawn_file_actions_addopen(
                     files, 0, ::ptsname(terminal_), O_RDWR, 0);
                   posix_spawn_file_actions_adddup2(files, 0, 1);
                   posix_spawn_file_actions_adddup2(files, 0, 2);
                 });
  }

  terminal_program(const terminal_program&) = delete;
  terminal_program& operator=(const terminal_program&) = delete;

  ~terminal_program() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    ::close(terminal_);
  }

  /// Reads and waits to the end; the status is that of a shell.
  int wait() {
    auto deadline = clock_type::now() + bound;
    while (read_some(deadline))
      continue;
    int status = 0;
    auto is_over = eventually([&] {
      return ::waitpid(pid_, &status, WNOHANG) == pid_;
    });
    REQUIRE_MESSAGE(is_over, "it does not end; output: ", text_);
    pid_ = -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

  /// All that it has written, as the terminal got it.
  const std::string& text() const {
    return text_;
  }

private:
  bool read_some(clock_type::time_point deadline) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      deadline - clock_type::now());
    pollfd ready{terminal_, POLLIN, 0};
    if (left.count() <= 0
        || ::poll(&ready, 1, static_cast<int>(left.count())) <= 0)
      return false;
    std::array<char, 4096> buffer;
    // An error is the end here: nobody has the other side open.
    auto size = ::read(terminal_, buffer.data(), buffer.size());
    if (size > 0)
      text_.append(buffer.data(), static_cast<std::size_t>(size));
    return size > 0;
  }

  int terminal_;
  pid_t pid_ = -1;
  std::string text_;
};

/// The lines that a terminal shows after `text`. Knows what the program uses:
/// the start of the line, a new one, and clearing it.
std::vector<std::string> screen_after(const std::string& text) {
  const std::string clear = "\x1b[2K";
  std::vector<std::string> lines{""};
  std::size_t column = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto& line = lines.back();
    if (text.compare(i, clear.size(), clear) == 0) {
      line.assign(column, ' ');
      i += clear.size() - 1;
    } else if (text[i] == '\r') {
      column = 0;
    } else if (text[i] == '\n') {
      lines.emplace_back();
    } else {
      line.resize(std::max(line.size(), column + 1), ' ');
      line[column++] = text[i];
    }
  }
  return lines;
}

struct bar {
  std::string whole;
  std::size_t full = 0;
  int frames = 0;
  int total = 0;
  double rate = 0;
  int runners = 0;
};

std::vector<bar> bars_in(const std::string& text) {
  static const std::regex pattern{
    R"(\[(#*)\.*\] (\d+)/(\d+) frames  (\d+\.\d)/s  (\d+) runners?[^\r]*)"};
  std::vector<bar> result;
  for (std::sregex_iterator i{text.begin(), text.end(), pattern}, end; i != end;
       ++i)
    result.push_back({i->str(0), i->str(1).size(), std::stoi(i->str(2)),
                      std::stoi(i->str(3)), std::stod(i->str(4)),
                      std::stoi(i->str(5))});
  return result;
}

} // namespace

TEST_CASE("on a terminal a bar shows frames, rate and runners") {
  orphanage left;
  temporary_directory directory;
  auto out = directory / "out";
  terminal_program run{{THUMBNAILS_PROGRAM, long_video(), "--every", "200ms",
                        "--out", out, "--segment", "20s",
                        "--pools.ffmpeg.idle_shutdown_after=200ms"},
                       {{"TERM", "xterm"}, {"LC_ALL", "C"}}};
  REQUIRE(run.wait() == 0);
  CAPTURE(run.text());
  auto bars = bars_in(run.text());
  REQUIRE(bars.size() > 2);
  for (std::size_t i = 0; i < bars.size(); ++i) {
    CAPTURE(bars[i].whole);
    CHECK(bars[i].whole.size() <= columns);
    CHECK(bars[i].total == 200);
    if (i > 0) {
      CHECK(bars[i].frames >= bars[i - 1].frames);
      CHECK(bars[i].full >= bars[i - 1].full);
    }
  }
  auto is_under_way = [](const bar& each) {
    return each.frames > 0 && each.frames < 200 && each.rate > 0
           && each.runners > 0;
  };
  CHECK(std::ranges::any_of(bars, is_under_way));
  CHECK(bars.back().frames == 200);
  // What stays: one bar, which is full, and nothing on the line where the shell
  // goes on.
  auto screen = screen_after(run.text());
  REQUIRE(screen.size() == 5);
  CHECK(screen[0].starts_with(long_video() + ": 00:00:40.000, 640x360"));
  CHECK(screen[1] == bars.back().whole);
  CHECK(screen[1].find('.') > screen[1].find(']'));
  CHECK(screen[2].starts_with("pool: "));
  CHECK(screen[2].ends_with(" -> 0"));
  CHECK(screen[3].starts_with("200 frames in " + out));
  CHECK(screen[4].empty());
  CHECK(left.empties());
}

TEST_CASE("the bar is drawn in blocks where the locale has them") {
  orphanage left;
  temporary_directory directory;
  make_video(directory / "v.mp4", {});
  terminal_program run{{THUMBNAILS_PROGRAM, directory / "v.mp4", "--out",
                        directory / "out",
                        "--pools.ffmpeg.idle_shutdown_after=1h"},
                       {{"TERM", "xterm"}, {"LC_ALL", "C.UTF-8"}}};
  REQUIRE(run.wait() == 0);
  auto screen = screen_after(run.text());
  REQUIRE(screen.size() == 4);
  CAPTURE(screen[1]);
  CHECK(screen[1].starts_with("▕██"));
  CHECK(screen[1].find("█▏ 6/6 frames  ") != std::string::npos);
  CHECK(screen[3].empty());
  CHECK(left.empties());
}
