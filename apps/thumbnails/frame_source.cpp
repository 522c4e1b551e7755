#include "frame_source.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <numeric>
#include <optional>
#include <thread>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <pthread.h>

namespace thumbnails {

namespace asio = boost::asio;

std::vector<std::string> ffmpeg_arguments(const extraction& what) {
  auto divisor = std::gcd(what.every_ms, std::int64_t{1000});
  // `round=up` makes frame n the last one that is not later than n * every;
  // `start_time=0` fills a gap after the place that was sought.
  auto filter =
    fmt::format("fps=fps={}/{}:round=up:start_time=0,"
                "scale={}:-2:flags=bicubic",
                1000 / divisor, what.every_ms / divisor, what.width);
  return {"-nostdin", "-hide_banner", "-loglevel", "error",
          // Seeks before it decodes, and to the very frame.
          "-ss",
          fmt::format("{}.{:03}", what.start_ms / 1000, what.start_ms % 1000),
          // Without the scheme, a name such as concat:x would be taken for one.
          "-i", "file:" + what.video, "-map", "0:V:0", "-frames:v",
          std::to_string(what.frames), "-vf", filter, "-c:v", "mjpeg",
          // More threads of the encoder would hold frames back, and a quality
          // that adapts would make an image depend on those before it.
          "-threads:v", "1", "-q:v", "3", "-pix_fmt", "yuvj420p", "-f",
          "image2pipe", "-flush_packets", "1", "pipe:1"};
}

/// Everything here but `want` and the ends of its life is done by its thread.
class frame_source::worker {
public:
  worker(const extraction& what, std::size_t wanted,
         std::function<void(media::image)> on_frame,
         std::function<void(outcome)> on_end)
    : ffmpeg_(io_, media::find_program("ffmpeg"), ffmpeg_arguments(what)),
      wanted_(wanted),
      on_frame_(std::move(on_frame)),
      on_end_(std::move(on_end)),
      thread_([this] {
        run();
      }) {
    // nop
  }

  ~worker() {
    io_.stop();
    thread_.join();
  }

  void want(std::size_t count) {
    asio::post(io_, [this, count] {
      wanted_ += count;
      advance();
    });
  }

  int pid() const noexcept {
    return ffmpeg_.pid();
  }

private:
  void run() {
    // Signals belong to the program's own threads, but for those that tell
    // this one of a fault of its own.
    sigset_t blocked;
    sigfillset(&blocked);
    for (int fault :
         {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS})
      sigdelset(&blocked, fault);
    pthread_sigmask(SIG_SETMASK, &blocked, nullptr);
    pthread_setname_np(pthread_self(), "ffmpeg.reader");
    media::read_all(
      ffmpeg_.errors(),
      [this](std::string_view bytes) {
        said_.push(bytes);
        return true;
      },
      [this] {
        errors_open_ = false;
        finish_if_over();
      });
    ffmpeg_.on_exit([this](media::exit_status status) {
      result_.status = status;
      result_.ended_at = std::chrono::duration_cast<milliseconds>(
                           std::chrono::system_clock::now().time_since_epoch())
                           .count();
      runs_ = false;
      finish_if_over();
    });
    advance();
    // The end is noticed by what happens to ffmpeg, but frames that are wanted
    // later come from another thread.
    auto work = asio::make_work_guard(io_);
    io_.run();
  }

  void advance() {
    try {
      hand_over();
    } catch (const media::stream_error& error) {
      broken_ = error.what();
      output_open_ = false;
      // What follows is of no use.
      is_killed_ = runs_;
      ffmpeg_.kill();
    }
    if (wanted_ > 0 && output_open_ && !is_reading_)
      read();
    finish_if_over();
  }

  void hand_over() {
    while (wanted_ > 0 && broken_.empty()) {
      auto next = splitter_.next();
      if (!next)
        break;
      --wanted_;
      ++result_.frames;
      on_frame_(std::move(*next));
    }
    // The last frame is complete, and more was wanted.
    if (!output_open_ && wanted_ > 0 && broken_.empty()
        && !splitter_.is_between_images())
      throw media::stream_error{"ffmpeg's output ends within an image"};
  }

  void read() {
    is_reading_ = true;
    ffmpeg_.output().async_read_some(
      asio::buffer(buffer_),
      [this](const boost::system::error_code& ec, std::size_t size) {
        is_reading_ = false;
        if (ec)
          output_open_ = false;
        else
          splitter_.push({buffer_.data(), size});
        advance();
      });
  }

  void finish_if_over() {
    auto is_over = !output_open_ && !errors_open_ && !runs_
                   && (splitter_.is_between_images() || !broken_.empty());
    if (!is_over || !on_end_)
      return;
    result_.problem = broken_;
    // An image that is not complete is explained by how ffmpeg ended.
    if (!result_.status.is_success() && !is_killed_) {
      result_.problem =
        fmt::format("ffmpeg ended with {}", to_string(result_.status));
      if (auto text = said_.text(); !text.empty())
        result_.problem += ": " + text;
    }
    std::exchange(on_end_, nullptr)(std::move(result_));
  }

  asio::io_context io_{1};
  media::child_process ffmpeg_;
  std::size_t wanted_;
  std::function<void(media::image)> on_frame_;
  std::function<void(outcome)> on_end_;
  media::jpeg_splitter splitter_;
  std::array<char, 32 * 1024> buffer_;
  media::last_lines said_;
  std::string broken_;
  outcome result_;
  bool is_killed_ = false;
  bool is_reading_ = false;
  bool output_open_ = true;
  bool errors_open_ = true;
  bool runs_ = true;
  std::thread thread_;
};

frame_source::frame_source(const extraction& what, std::size_t wanted,
                           std::function<void(media::image)> on_frame,
                           std::function<void(outcome)> on_end)
  : worker_(std::make_unique<worker>(what, wanted, std::move(on_frame),
                                     std::move(on_end))) {
  // nop
}

frame_source::~frame_source() = default;

void frame_source::want(std::size_t count) {
  worker_->want(count);
}

int frame_source::ffmpeg_pid() const noexcept {
  return worker_->pid();
}

} // namespace thumbnails
