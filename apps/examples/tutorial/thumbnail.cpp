#include "thumbnail.hpp"

#include <iterator>
#include <stdexcept>

#include <boost/process.hpp>

namespace process = boost::process;

picture thumbnail(double second, const std::string& video) {
  process::ipstream out;
  process::child ffmpeg{"/usr/bin/ffmpeg",
                        "-nostdin",
                        "-loglevel",
                        "error",
                        "-ss",
                        std::to_string(second),
                        "-i",
                        "file:" + video,
                        "-frames:v",
                        "1",
                        "-vf",
                        "scale=320:-2",
                        "-f",
                        "mjpeg",
                        "-",
                        process::std_out > out};
  picture jpeg{std::istreambuf_iterator<char>{out}, {}};
  ffmpeg.wait();
  if (ffmpeg.exit_code() != 0 || jpeg.empty())
    throw std::runtime_error{"ffmpeg finds no picture in " + video};
  return jpeg;
}

const std::string& video_of(std::span<const std::string> args) {
  if (args.size() != 1 || args.front().starts_with('-'))
    throw std::invalid_argument{"give me one video, and nothing else"};
  return args.front();
}
