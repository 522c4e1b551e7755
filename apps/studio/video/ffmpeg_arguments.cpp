#include "video/ffmpeg_arguments.hpp"

#include <cmath>
#include <cstdlib>
#include <numeric>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace studio {

namespace {

constexpr const char* containers =
  "mov,matroska,mpegts,avi,ogg,flv,mpeg,asf,h264,hevc,m4v,mpegvideo,ivf";

std::vector<std::string> input_options(video_input from) {
  std::vector<std::string> result{"-protocol_whitelist",
                                  from == video_input::pipe ? "pipe" : "file",
                                  "-format_whitelist", containers,
                                  // No picture larger than 8K.
                                  "-max_pixels", "40000000"};
  // By default ffmpeg looks at 5 MB before it begins. Where less does not do,
  // the file is read in the end.
  if (from == video_input::pipe)
    result.insert(result.end(),
                  {"-probesize", "512k", "-analyzeduration", "500000"});
  return result;
}

std::string input_name(video_input from) {
  return from == video_input::pipe ? "pipe:0" : "file:/dev/stdin";
}

std::string text_of(const nlohmann::json& object, const char* key) {
  auto i = object.find(key);
  return i != object.end() && i->is_string() ? i->get<std::string>()
                                             : std::string{};
}

std::uint32_t number_of(const nlohmann::json& object, const char* key) {
  auto i = object.find(key);
  return i != object.end() && i->is_number_unsigned() ? i->get<std::uint32_t>()
                                                      : 0;
}

} // namespace

std::vector<std::string> thumbnail_arguments(const thumbnail_job& job,
                                             video_input from) {
  auto divisor = std::gcd(job.every_ms, std::int64_t{1000});
  auto filter = fmt::format(
    "fps=fps={}/{}:round=up:start_time=0,scale=w={}:h={}:flags=bicubic:"
    "force_original_aspect_ratio=decrease:force_divisible_by=2",
    1000 / divisor, job.every_ms / divisor, job.box, job.box);
  std::vector<std::string> result{"-nostdin", "-hide_banner", "-loglevel",
                                  "error"};
  for (auto& each : input_options(from))
    result.push_back(each);
  for (auto* each : {"-threads", "2", "-i"})
    result.emplace_back(each);
  result.push_back(input_name(from));
  for (auto& each :
       {std::string{"-map"}, std::string{"0:V:0"}, std::string{"-vf"}, filter})
    result.push_back(each);
  // More threads of the encoder would hold pictures back.
  for (auto* each :
       {"-c:v", "mjpeg", "-threads:v", "1", "-q:v", "4", "-pix_fmt", "yuvj420p",
        "-f", "image2pipe", "-flush_packets", "1", "pipe:1"})
    result.emplace_back(each);
  return result;
}

std::vector<std::string> probe_arguments() {
  std::vector<std::string> result{"-v", "error"};
  for (auto& each : input_options(video_input::file))
    result.push_back(each);
  for (auto* each :
       {"-select_streams", "V:0", "-show_entries",
        "stream=codec_name,width,height:format=duration", "-of", "json"})
    result.emplace_back(each);
  result.push_back(input_name(video_input::file));
  return result;
}

video_facts parse_probe(const std::string& answer) {
  video_facts result;
  auto root = nlohmann::json::parse(answer, nullptr, false);
  if (!root.is_object())
    return result;
  if (auto i = root.find("streams");
      i != root.end() && i->is_array() && !i->empty()) {
    auto& stream = i->front();
    result.codec = text_of(stream, "codec_name");
    result.width = number_of(stream, "width");
    result.height = number_of(stream, "height");
  }
  if (auto i = root.find("format"); i != root.end() && i->is_object()) {
    auto seconds = std::strtod(text_of(*i, "duration").c_str(), nullptr);
    if (std::isfinite(seconds) && seconds > 0 && seconds < 1e9)
      result.duration_ms = std::llround(seconds * 1000);
  }
  return result;
}

} // namespace studio
