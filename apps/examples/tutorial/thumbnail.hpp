// A picture of a video, made by ffmpeg. There is nothing of flame here.
#pragma once

#include <span>
#include <string>
#include <vector>

/// A JPEG.
using picture = std::vector<char>;

/// The frame of a video at a time, in seconds from its beginning.
/// @throws std::runtime_error if there is none
picture thumbnail(double second, const std::string& video);

/// The program's one argument.
/// @throws std::invalid_argument if there is none, or more, or a flag
const std::string& video_of(std::span<const std::string> args);
