#include "video_probe.hpp"

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <stdexcept>

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "media/subprocess.hpp"

namespace thumbnails {

namespace {

using json = nlohmann::json;

constexpr std::size_t max_answer = 1 << 20;

/// ffprobe writes numbers as strings, and `N/A` for what it does not know.
std::optional<double> seconds(const json& object, const char* key) {
  auto i = object.find(key);
  if (i == object.end() || !i->is_string())
    return std::nullopt;
  auto text = i->get<std::string>();
  char* end = nullptr;
  auto value = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || *end != '\0' || !std::isfinite(value)
      || value <= 0)
    return std::nullopt;
  return value;
}

/// Matroska has the duration of a stream in a tag: `00:01:02.500000000`.
std::optional<double> tagged_seconds(const json& stream) {
  auto text = stream.value("/tags/DURATION"_json_pointer, std::string{});
  int hours = 0;
  int minutes = 0;
  double rest = 0;
  if (std::sscanf(text.c_str(), "%d:%d:%lf", &hours, &minutes, &rest) != 3)
    return std::nullopt;
  auto value = hours * 3600.0 + minutes * 60.0 + rest;
  return value > 0 ? std::optional{value} : std::nullopt;
}

/// ffprobe's own message for a directory or a pipe does not help much.
void check_readable(const std::filesystem::path& path) {
  std::error_code ec;
  auto status = std::filesystem::status(path, ec);
  if (ec && !std::filesystem::status_known(status))
    throw std::runtime_error{
      fmt::format("cannot read the video {}: {}", path.string(), ec.message())};
  if (!std::filesystem::exists(status))
    throw std::runtime_error{fmt::format(
      "cannot read the video {}: there is no such file", path.string())};
  if (!std::filesystem::is_regular_file(status))
    throw std::runtime_error{
      fmt::format("cannot read the video {}: it is not a file", path.string())};
  if (::access(path.c_str(), R_OK) != 0)
    throw std::runtime_error{fmt::format("cannot read the video {}: {}",
                                         path.string(), std::strerror(errno))};
}

} // namespace

video_info probe_video(const std::string& path, std::stop_token stop) {
  video_info result;
  result.path = std::filesystem::absolute(path).lexically_normal().string();
  check_readable(result.path);
  auto answer = media::run_program(
    media::find_program("ffprobe"),
    {"-v", "error", "-select_streams", "V:0", "-show_entries",
     "stream=width,height,duration:stream_tags=DURATION:format=duration", "-of",
     "json", "file:" + result.path},
    max_answer, std::move(stop));
  if (answer.was_stopped)
    return result;
  auto fail = [&](const std::string& why) {
    throw std::runtime_error{fmt::format("{} is not a video: {}", path, why)};
  };
  if (!answer.status.is_success())
    fail(answer.errors.empty()
           ? "ffprobe ended with " + to_string(answer.status)
           : answer.errors);
  auto root = json::parse(answer.output, nullptr, false);
  if (!root.is_object() || !root.contains("streams") || root["streams"].empty())
    fail("it has no moving picture");
  auto& stream = root["streams"][0];
  result.width = stream.value("width", 0u);
  result.height = stream.value("height", 0u);
  auto duration = seconds(stream, "duration");
  if (!duration)
    duration = tagged_seconds(stream);
  if (!duration && root.contains("format"))
    duration = seconds(root["format"], "duration");
  if (!duration)
    fail("it has no duration");
  result.duration = std::chrono::microseconds{std::llround(*duration * 1e6)};
  return result;
}

} // namespace thumbnails
