#include "video/sample_video.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <stdexcept>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "media/subprocess.hpp"

namespace studio {

namespace {

namespace asio = boost::asio;

constexpr std::array samples{
  sample_info{sample_kind::clock, "clock.ts", "video/mp2t"},
  sample_info{sample_kind::zoom, "zoom.mp4", "video/mp4"},
};

constexpr const char* font = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf";

/// Without a font the test picture shows the time all the same, only smaller.
std::string clock_filter() {
  if (!std::filesystem::exists(font))
    return "null";
  return fmt::format(
    "drawtext=fontfile={}:text='%{{pts\\:hms}}':fontsize=96:fontcolor=white:"
    "box=1:boxcolor=black@0.6:boxborderw=24:x=(w-text_w)/2:y=(h-text_h)/2",
    font);
}

std::vector<std::string> arguments(sample_kind kind, std::uint32_t seconds) {
  std::vector<std::string> result{"-nostdin", "-hide_banner", "-loglevel",
                                  "error",    "-f",           "lavfi"};
  auto add = [&](std::initializer_list<std::string> more) {
    result.insert(result.end(), more);
  };
  if (kind == sample_kind::clock)
    add({"-i", "testsrc2=size=1280x720:rate=25", "-vf", clock_filter()});
  else
    add({"-i", "mandelbrot=size=640x360:rate=25:end_scale=0.0008"});
  add({"-t", std::to_string(seconds), "-c:v", "libx264", "-preset", "ultrafast",
       "-g", "25", "-pix_fmt", "yuv420p"});
  if (kind == sample_kind::clock)
    add({"-f", "mpegts", "pipe:1"});
  else
    add({"-movflags", "frag_keyframe+empty_moov", "-f", "mp4", "pipe:1"});
  return result;
}

} // namespace

std::optional<sample_info> find_sample(std::string_view file_name) {
  auto i = std::ranges::find(samples, file_name, &sample_info::file_name);
  if (i == samples.end())
    return std::nullopt;
  return *i;
}

void make_sample(std::stop_token stop, flame::emitter<std::vector<char>>& out,
                 sample_kind kind, std::uint32_t seconds) {
  asio::io_context io{1};
  media::child_process ffmpeg{io, media::find_program("ffmpeg"),
                              arguments(kind, seconds)};
  media::last_lines said;
  media::exit_status status;
  std::stop_callback on_stop{stop, [&] {
                               asio::post(io, [&] {
                                 ffmpeg.kill();
                               });
                             }};
  media::read_all(ffmpeg.output(), [&](std::string_view bytes) {
    out({bytes.begin(), bytes.end()});
    return true;
  });
  media::read_all(ffmpeg.errors(), [&](std::string_view bytes) {
    said.push(bytes);
    return true;
  });
  ffmpeg.on_exit([&](media::exit_status how) {
    status = how;
  });
  io.run();
  if (!status.is_success())
    throw std::runtime_error{fmt::format(
      "ffmpeg ended with {}: {}", media::to_string(status), said.text())};
}

} // namespace studio
