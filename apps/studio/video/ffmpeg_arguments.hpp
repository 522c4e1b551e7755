/// How ffmpeg and ffprobe are called for a video that a stranger has uploaded.
#pragma once

#include <string>
#include <vector>

#include "video/thumbnailer.hpp"

namespace studio {

enum class video_input : unsigned char {
  /// Standard input, as it comes.
  pipe,
  /// Standard input, which is a file.
  file,
};

/// Thumbnails on standard output, one JPEG image after the other, each as soon
/// as it is there. Only containers that hold their own pictures are read:
/// playlists and the like could name any file of the machine.
std::vector<std::string> thumbnail_arguments(const thumbnail_job& job,
                                             video_input from);

/// What the video is, as JSON.
std::vector<std::string> probe_arguments();

/// Reads what ffprobe has answered; nothing known if it cannot be read.
video_facts parse_probe(const std::string& answer);

} // namespace studio
