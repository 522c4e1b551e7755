/// All frames of a video on one picture, each with its time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "media/jpeg_splitter.hpp"
#include "segment_plan.hpp"
#include "video_probe.hpp"

namespace thumbnails {

/// How frames are arranged. All lengths are in pixels.
struct sheet_layout {
  std::uint32_t columns = 1;
  std::uint32_t rows = 1;
  /// Every which frame is shown: 1, unless there are more than fit.
  std::uint32_t step = 1;
  /// A frame on the sheet.
  media::image_size frame;
  unsigned gap = 12;
  unsigned margin = 24;
  /// Size of the letters of a time stamp, and height of the strip they are in.
  unsigned font_size = 16;
  unsigned caption = 28;
};

/// The most columns that fit on a sheet, whatever the frames are like: with more
/// of them, frames would have to be left out.
std::uint32_t most_columns();

/// Arranges frames so that the sheet is somewhat wider than high, its last row
/// well filled, and neither side too long to be looked at.
/// @param columns the user's choice, if any; at most `most_columns`
sheet_layout arrange(std::uint32_t frames, media::image_size frame,
                     std::optional<std::uint32_t> columns);

/// The font file to use: `chosen`, or DejaVu Sans from where distributions
/// install it.
/// @throws std::runtime_error that says what to install
std::filesystem::path find_font(const std::string& chosen);

struct sheet_request {
  std::filesystem::path directory;
  video_info video;
  milliseconds every{};
  std::uint32_t frames = 0;
  std::filesystem::path font;
  std::optional<std::uint32_t> columns;
};

/// Makes the sheet of the frames in a directory.
/// @returns a PNG image; nothing if it was stopped
/// @throws std::runtime_error with what ffmpeg says
std::optional<std::string> make_contact_sheet(const sheet_request& request,
                                              std::stop_token stop);

} // namespace thumbnails
