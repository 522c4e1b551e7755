#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string_view>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "progress.hpp"

namespace thumbnails {

namespace {

using clock = std::chrono::steady_clock;

std::string runners_text(std::size_t runners, std::size_t booting) {
  auto text = fmt::format("{} runner{}", runners, runners == 1 ? "" : "s");
  if (booting > 0)
    text += fmt::format(", {} booting", booting);
  return text;
}

std::string shrunk_text(std::size_t from, std::size_t runners) {
  return fmt::format("pool: {} runner{} -> {}", from, from == 1 ? "" : "s",
                     runners);
}

/// What both forms tell: they differ in when they do.
class text_progress : public progress {
public:
  void started(const job& what) override {
    begin_ = clock::now();
    total_ = what.plan.frames;
    out_ = what.out.string();
    say(fmt::format(
      "{}: {}, {}x{}; {} frame{} in {} segment{}", what.video.path,
      time_stamp(std::chrono::round<milliseconds>(what.video.duration), true),
      what.video.width, what.video.height, total_, total_ == 1 ? "" : "s",
      what.plan.segments.size(), what.plan.segments.size() == 1 ? "" : "s"));
  }

  void tick(std::size_t runners, std::size_t booting) override {
    runners_ = runners;
    booting_ = booting;
    update();
  }

  void frame_written(const frame_event& what) override {
    done_ = what.done;
  }

  void segment_retry(attempt_id failed, const std::string& reason) override {
    say(
      fmt::format("segment {} is made again: {}", failed.segment + 1, reason));
  }

  void finished(const summary& how) override {
    auto text = describe(how, out_);
    auto seconds = std::chrono::duration<double>(clock::now() - begin_).count();
    if (how.how == summary::kind::complete)
      text += fmt::format(" ({:.1f} s)", seconds);
    say(text);
  }

protected:
  /// Prints a line that stays.
  virtual void say(const std::string& line) = 0;

  /// Shows the present state.
  virtual void update() = 0;

  double rate() const {
    auto seconds = std::chrono::duration<double>(clock::now() - begin_).count();
    return seconds > 0 ? done_ / seconds : 0;
  }

  clock::time_point begin_ = clock::now();
  std::uint32_t total_ = 0;
  std::uint32_t done_ = 0;
  std::size_t runners_ = 0;
  std::size_t booting_ = 0;
  std::string out_;
};

/// One line, redrawn in its place.
class bar_progress final : public text_progress {
public:
  ~bar_progress() override {
    clear();
  }

  void making_sheet() override {
    update();
    keep();
    draw("making the contact sheet ...");
  }

  void shrinking(std::size_t from, std::size_t runners) override {
    draw(shrunk_text(from, runners));
  }

  void shrunk(std::size_t from, std::size_t runners) override {
    say(shrunk_text(from, runners));
  }

protected:
  void say(const std::string& line) override {
    clear();
    std::cout << line << std::endl;
  }

  void finished(const summary& how) override {
    // The bar as it was when the work was stopped is worth keeping.
    if (how.how != summary::kind::complete && is_drawn_)
      keep();
    text_progress::finished(how);
  }

  void update() override {
    auto numbers = fmt::format(" {}/{} frames  {:.1f}/s  {}", done_, total_,
                               rate(), runners_text(runners_, booting_));
    auto width = columns();
    auto room = width - std::min(width, numbers.size() + 2);
    // Wider than this it is no easier to read.
    draw(bar(std::min<std::size_t>(room, 40)) + numbers);
  }

private:
  static std::size_t columns() {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
      return size.ws_col;
    return 80;
  }

  static bool is_utf8() {
    for (auto* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
      auto* value = std::getenv(name);
      if (!value || !*value)
        continue;
      std::string_view locale{value};
      return locale.find("UTF-8") != std::string_view::npos
             || locale.find("utf8") != std::string_view::npos;
    }
    return false;
  }

  std::string bar(std::size_t width) const {
    if (width < 4)
      return {};
    auto share = total_ > 0 ? static_cast<double>(done_) / total_ : 0.0;
    auto eighths = static_cast<std::size_t>(
      std::lround(share * 8 * static_cast<double>(width)));
    std::string result;
    if (!is_utf8_) {
      auto full = eighths / 8;
      return '[' + std::string(full, '#') + std::string(width - full, '.')
             + ']';
    }
    static constexpr const char* parts[] = {" ", "▏", "▎", "▍", "▌",
                                            "▋", "▊", "▉", "█"};
    for (std::size_t i = 0; i < width; ++i)
      result += parts[std::clamp<std::size_t>(
        eighths - std::min(eighths, i * 8), 0, 8)];
    return "▕" + result + "▏";
  }

  void draw(const std::string& line) {
    std::cout << "\r\x1b[2K" << line << std::flush;
    is_drawn_ = true;
  }

  /// Leaves the line where it is, and goes on below.
  void keep() {
    std::cout << std::endl;
    is_drawn_ = false;
  }

  void clear() {
    if (is_drawn_)
      std::cout << "\r\x1b[2K" << std::flush;
    is_drawn_ = false;
  }

  bool is_drawn_ = false;
  bool is_utf8_ = is_utf8();
};

/// A line now and then.
class line_progress final : public text_progress {
public:
  void making_sheet() override {
    show();
    say("making the contact sheet");
  }

  void shrunk(std::size_t from, std::size_t runners) override {
    say(shrunk_text(from, runners));
  }

protected:
  void say(const std::string& line) override {
    std::cout << line << std::endl;
  }

  void update() override {
    if (done_ != shown_ && clock::now() >= next_)
      show();
  }

private:
  void show() {
    if (done_ == shown_)
      return;
    say(fmt::format("{}/{} frames, {:.1f}/s, {}", done_, total_, rate(),
                    runners_text(runners_, booting_)));
    shown_ = done_;
    next_ = clock::now() + std::chrono::seconds{1};
  }

  std::uint32_t shown_ = 0;
  clock::time_point next_ = clock::now() + std::chrono::seconds{1};
};

class quiet_progress final : public progress {
public:
  void started(const job& what) override {
    out_ = what.out.string();
  }

  void finished(const summary& how) override {
    if (how.how != summary::kind::complete)
      std::cerr << describe(how, out_) << std::endl;
  }

private:
  std::string out_;
};

} // namespace

progress::~progress() = default;

std::string describe(const summary& how, const std::string& out) {
  switch (how.how) {
    case summary::kind::complete:
      return fmt::format("{} frame{} in {}, contact sheet {}", how.frames,
                         how.frames == 1 ? "" : "s", out, how.sheet.string());
    case summary::kind::interrupted:
      return fmt::format("interrupted: {} of {} frames are in {}, {}",
                         how.frames, how.total, out,
                         how.sheet.empty() ? "there is no contact sheet"
                                           : "with the contact sheet");
    case summary::kind::failed:
      break;
  }
  return fmt::format("failed: {} of {} frames are in {}", how.frames, how.total,
                     out);
}

std::unique_ptr<progress> make_text_progress() {
  auto* terminal = std::getenv("TERM");
  auto is_dumb = !terminal || std::string_view{terminal} == "dumb";
  if (::isatty(STDOUT_FILENO) == 1 && !is_dumb)
    return std::make_unique<bar_progress>();
  return std::make_unique<line_progress>();
}

std::unique_ptr<progress> make_quiet_progress() {
  return std::make_unique<quiet_progress>();
}

} // namespace thumbnails
