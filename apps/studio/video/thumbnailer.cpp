#include "video/thumbnailer.hpp"

#include <array>
#include <atomic>
#include <exception>
#include <optional>
#include <stdexcept>
#include <thread>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <flame/node.hpp>
#include <fmt/format.h>

#include "media/jpeg_splitter.hpp"
#include "media/subprocess.hpp"
#include "video/ffmpeg_arguments.hpp"
#include "video/spool_file.hpp"
#include "video/thinning.hpp"

namespace studio {

namespace {

namespace asio = boost::asio;

constexpr std::size_t max_probe_answer = 64 * 1024;

/// How one ffmpeg has ended.
struct extraction {
  std::uint32_t pictures = 0;
  media::exit_status status;
  std::string said;
};

/// One ffmpeg and the pictures that it makes.
class ffmpeg_run {
public:
  ffmpeg_run(const thumbnail_job& job, video_input from,
             media::input_from input)
    : process_(io_, media::find_program("ffmpeg"),
               thumbnail_arguments(job, from), input) {
    // nop
  }

  media::child_process& process() noexcept {
    return process_;
  }

  /// Thread-safe.
  void kill() {
    asio::post(io_, [this] {
      process_.kill();
    });
  }

  /// Runs until ffmpeg has ended, and calls `on_picture` with each picture, on
  /// this thread. If that throws, ffmpeg is killed.
  extraction operator()(std::function<void(media::image)> on_picture) {
    on_picture_ = std::move(on_picture);
    media::read_all(process_.output(), [this](std::string_view bytes) {
      splitter_.push(bytes);
      while (auto next = splitter_.next()) {
        ++result_.pictures;
        on_picture_(std::move(*next));
      }
      return true;
    });
    media::read_all(process_.errors(), [this](std::string_view bytes) {
      said_.push(bytes);
      return true;
    });
    process_.on_exit([this](media::exit_status status) {
      result_.status = status;
    });
    try {
      io_.run();
    } catch (...) {
      process_.kill();
      throw;
    }
    result_.said = said_.text(1);
    return result_;
  }

private:
  asio::io_context io_{1};
  media::child_process process_;
  media::jpeg_splitter splitter_{16 << 20};
  media::last_lines said_;
  std::function<void(media::image)> on_picture_;
  extraction result_;
};

/// The video that arrives, on a thread of its own: sources wait for their
/// items, and pictures must not wait for that. Its destructor waits until all
/// has arrived, or the stream is over.
class intake {
public:
  intake(flame::source<video_chunk>& in, ffmpeg_run& ffmpeg, spool_file& spool)
    : in_(in),
      ffmpeg_(ffmpeg),
      spool_(spool),
      thread_([this] {
        run();
      }) {
    // nop
  }

  /// What has arrived need not be kept any more.
  void forget() noexcept {
    is_kept_ = false;
  }

  /// Waits until all of the video has arrived.
  /// @throws what kept it from arriving
  void join() {
    thread_.join();
    if (problem_)
      std::rethrow_exception(problem_);
  }

private:
  void run() {
    try {
      auto& process = ffmpeg_.process();
      auto is_read = true;
      for (auto& chunk : in_) {
        if (is_kept_)
          spool_.append(chunk);
        is_read = is_read && process.write(chunk);
      }
      process.end_input();
    } catch (...) {
      problem_ = std::current_exception();
      ffmpeg_.kill();
    }
  }

  flame::source<video_chunk>& in_;
  ffmpeg_run& ffmpeg_;
  spool_file& spool_;
  std::atomic<bool> is_kept_ = true;
  std::exception_ptr problem_;
  std::jthread thread_;
};

std::string no_video(const std::string& ffmpeg_said) {
  auto result = std::string{"This file is not a video that can be read"};
  return ffmpeg_said.empty() ? result + '.'
                             : fmt::format("{} ({}).", result, ffmpeg_said);
}

class workshop {
public:
  workshop(std::stop_token stop, flame::emitter<thumbnail_news>& out,
           flame::source<video_chunk>& in, thumbnail_job job, video_order order)
    : stop_(std::move(stop)),
      out_(out),
      in_(in),
      job_(job),
      kept_(std::move(order)),
      spool_(std::filesystem::temp_directory_path()) {
    // nop
  }

  made_thumbnails operator()() {
    auto* parent = flame::parent();
    out_(work_started{parent ? parent->runner : "local"});
    kept_.begin();
    if (!from_pipe())
      from_file();
    if (facts_.duration_ms == 0)
      facts_.duration_ms = position_ * job_.every_ms;
    kept_.finish(facts_);
    return {count_, facts_.duration_ms, kept_.problem()};
  }

private:
  /// @returns false if all of the video is there, and ffmpeg could make nothing
  ///          of it while it arrived
  bool from_pipe() {
    ffmpeg_run ffmpeg{
      job_, video_input::pipe, {media::input_from::kind::writer}};
    intake video{in_, ffmpeg, spool_};
    auto result = finish(ffmpeg, [&](media::image jpeg) {
      if (count_ == 0) {
        video.forget();
        tell_facts(true);
      }
      emit(std::move(jpeg));
    });
    // Without waiting for the rest of the video, which may take long.
    if (auto problem = problem_of_end(result); !problem.empty())
      out_(work_failed{problem});
    else if (result.pictures == 0)
      out_(waits_for_end{});
    video.join();
    check_end(result);
    return result.pictures > 0;
  }

  void from_file() {
    tell_facts(false);
    ffmpeg_run ffmpeg{job_,
                      video_input::file,
                      {media::input_from::kind::descriptor, spool_.fd()}};
    auto result = finish(ffmpeg, [&](media::image jpeg) {
      emit(std::move(jpeg));
    });
    check_end(result);
    if (result.pictures == 0)
      throw std::runtime_error{no_video(result.said)};
  }

  /// Runs ffmpeg to its end.
  extraction finish(ffmpeg_run& ffmpeg,
                    std::function<void(media::image)> on_picture) {
    std::stop_callback on_stop{stop_, [&] {
                                 ffmpeg.kill();
                               }};
    auto result = ffmpeg(std::move(on_picture));
    if (stop_.stop_requested())
      throw flame::call_error{flame::errc::cancelled, "the upload was left"};
    return result;
  }

  /// A status of failure may come from a video that is damaged, and that has
  /// thumbnails all the same; a signal comes from elsewhere.
  static std::string problem_of_end(const extraction& result) {
    if (!result.status.by_signal)
      return {};
    return fmt::format("ffmpeg was ended by {}.",
                       media::to_string(result.status));
  }

  static void check_end(const extraction& result) {
    if (auto problem = problem_of_end(result); !problem.empty())
      throw std::runtime_error{problem};
  }

  /// @param is_partial the file is not complete, and says nothing of how long
  ///        it will be
  void tell_facts(bool is_partial) {
    auto answer = media::run_program(
      media::find_program("ffprobe"), probe_arguments(), max_probe_answer,
      stop_, {media::input_from::kind::descriptor, spool_.fd()});
    facts_ = parse_probe(answer.output);
    if (is_partial)
      facts_.duration_ms = 0;
    out_(facts_);
  }

  void emit(media::image jpeg) {
    auto time = job_.every_ms * position_++;
    if (!thinning_.keep())
      return;
    thumbnail next{count_++, time, std::move(jpeg)};
    kept_.add(next);
    out_(next);
  }

  std::stop_token stop_;
  flame::emitter<thumbnail_news>& out_;
  flame::source<video_chunk>& in_;
  thumbnail_job job_;
  recording kept_;
  spool_file spool_;
  thinning thinning_;
  std::uint32_t count_ = 0;
  std::int64_t position_ = 0;
  video_facts facts_;
};

} // namespace

made_thumbnails make_thumbnails(std::stop_token stop,
                                flame::emitter<thumbnail_news>& out,
                                flame::source<video_chunk>& in,
                                thumbnail_job job, video_order order) {
  return workshop{std::move(stop), out, in, job, std::move(order)}();
}

} // namespace studio
