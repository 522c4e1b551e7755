#include "contact_sheet.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <stdexcept>

#include <fmt/format.h>

#include "media/subprocess.hpp"
#include "output_directory.hpp"

namespace thumbnails {

namespace {

/// What viewers show without trouble.
constexpr unsigned longest_side = 6'000;

constexpr std::size_t largest_sheet = std::size_t{1} << 30;

/// Frames are made smaller down to this width before any is left out.
constexpr unsigned narrowest_frame = 96;
constexpr unsigned widest_frame = 480;

constexpr double wanted_aspect = 1.5;

constexpr const char* background = "0x16181d";
constexpr const char* title_color = "0xe8eaed";
constexpr const char* stamp_color = "0xb4bac4";

unsigned cell_width(const sheet_layout& it) {
  return it.frame.width + it.gap;
}

unsigned cell_height(const sheet_layout& it) {
  return it.frame.height + it.caption + it.gap;
}

/// The number of columns that comes nearest to the wanted shape, with as little
/// room left empty in the last row as can be.
std::uint32_t best_columns(std::uint32_t frames, const sheet_layout& it) {
  auto ideal =
    std::sqrt(frames * wanted_aspect * cell_height(it) / cell_width(it));
  auto lowest = std::max(1.0, std::floor(ideal * 0.75));
  auto highest = std::min<double>(frames, std::ceil(ideal * 1.3));
  std::uint32_t best = 1;
  auto lowest_cost = std::numeric_limits<double>::max();
  for (auto n = static_cast<std::uint32_t>(lowest); n <= highest; ++n) {
    auto rows = (frames + n - 1) / n;
    auto empty = static_cast<double>(rows * n - frames) / n;
    auto cost = empty / 2 + std::abs(std::log(n / ideal));
    if (cost < lowest_cost) {
      lowest_cost = cost;
      best = n;
    }
  }
  return best;
}

void shape(sheet_layout& it, media::image_size frame, unsigned width) {
  it.frame.width = width;
  it.frame.height = std::max(1u, frame.height * width / frame.width);
  it.font_size = std::clamp(width / 17, 11u, 22u);
  it.caption = it.font_size * 7 / 4;
  it.gap = std::clamp(width / 24, 4u, 14u);
  it.margin = it.gap * 2;
}

bool fits(const sheet_layout& it) {
  return it.columns * cell_width(it) <= longest_side
         && it.rows * cell_height(it) <= longest_side;
}

/// Within a value of a filter's option, and within the filter graph: each takes
/// away one level of escaping.
std::string escaped(const std::string& text) {
  auto escape = [](const std::string& from, std::string_view what) {
    std::string result;
    for (auto c : from) {
      if (what.find(c) != std::string_view::npos)
        result += '\\';
      result += c;
    }
    return result;
  };
  return escape(escape(text, "\\':"), "\\'[],;");
}

/// A text for drawtext with `expansion=none`.
std::string title_of(const sheet_request& request) {
  auto& video = request.video;
  auto name = std::filesystem::path{video.path}.filename().string();
  std::ranges::replace_if(
    name,
    [](unsigned char c) {
      return c < 0x20 || c == 0x7f;
    },
    '?');
  auto length = std::chrono::round<milliseconds>(video.duration);
  return fmt::format("{}    {}x{}    {}", name, video.width, video.height,
                     time_stamp(length, true));
}

std::string filters(const sheet_request& request, const sheet_layout& it) {
  auto font = escaped(request.font.string());
  // The time of a frame is its place in the sequence: it comes in at a rate of
  // one per `every`.
  auto stamp = needs_fraction(request.every)
                 ? std::string{"%{pts:hms}"}
                 : std::string{"%{pts:gmtime:0:%H\\:%M\\:%S}"};
  auto result = fmt::format(
    "framestep={},format=rgb24,scale={}:{}:flags=lanczos,"
    "pad=w=iw+{}:h=ih+{}:color={},"
    "drawtext=fontfile={}:text={}:fontsize={}:fontcolor={}:"
    "x=(w-{}-text_w)/2:y=h-{}+({}-max_glyph_h)/2,"
    "tile={}x{}:color={}",
    it.step, it.frame.width, it.frame.height, it.gap, it.caption + it.gap,
    background, font, escaped(stamp), it.font_size, stamp_color, it.gap,
    it.caption + it.gap, it.caption, it.columns, it.rows, background);
  // Cells end with a gap; the margin is that much less there.
  auto title_size = std::max(it.font_size * 5 / 4, 14u);
  auto header = title_size * 2 + it.margin;
  return result
         + fmt::format(",pad=w=iw+{}:h=ih+{}:x={}:y={}:color={},"
                       "drawtext=fontfile={}:expansion=none:text={}:"
                       "fontsize={}:fontcolor={}:x={}:y=({}-max_glyph_h)/2",
                       it.margin * 2 - it.gap, header + it.margin - it.gap,
                       it.margin, header, background, font,
                       escaped(title_of(request)), title_size, title_color,
                       it.margin, header);
}

media::image_size first_frame_size(const std::filesystem::path& directory) {
  auto path = directory / frame_name(0);
  std::ifstream file{path, std::ios::binary};
  std::vector<char> bytes{std::istreambuf_iterator<char>{file}, {}};
  auto size = media::size_of(bytes);
  if (!size || size->width == 0 || size->height == 0)
    throw std::runtime_error{
      fmt::format("{} is not a JPEG image", path.string())};
  return *size;
}

} // namespace

std::uint32_t most_columns() {
  sheet_layout narrowest;
  shape(narrowest, {narrowest_frame, 1}, narrowest_frame);
  return longest_side / cell_width(narrowest);
}

sheet_layout arrange(std::uint32_t frames, media::image_size frame,
                     std::optional<std::uint32_t> columns) {
  sheet_layout result;
  auto width = std::clamp(frame.width, narrowest_frame, widest_frame);
  for (;;) {
    auto shown = (frames + result.step - 1) / result.step;
    shape(result, frame, width);
    result.columns =
      std::min(columns.value_or(best_columns(shown, result)), shown);
    result.rows = (shown + result.columns - 1) / result.columns;
    if (fits(result))
      return result;
    if (width > narrowest_frame)
      width = std::max(narrowest_frame, width * 9 / 10);
    else if (shown > 1)
      ++result.step;
    else
      return result;
  }
}

std::filesystem::path find_font(const std::string& chosen) {
  static constexpr std::array known = {
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf",
    "/usr/share/fonts/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/TTF/DejaVuSans.ttf",
  };
  std::error_code ec;
  if (!chosen.empty()) {
    if (std::filesystem::is_regular_file(chosen, ec))
      return chosen;
    throw std::runtime_error{
      fmt::format("cannot read the font {}: there is no such file", chosen)};
  }
  for (auto* each : known)
    if (std::filesystem::is_regular_file(each, ec))
      return each;
  throw std::runtime_error{
    "there is no font for the contact sheet: install DejaVu Sans, e.g. with "
    "apt-get install fonts-dejavu-core, or name a file with --font"};
}

std::optional<std::string> make_contact_sheet(const sheet_request& request,
                                              std::stop_token stop) {
  auto layout = arrange(request.frames, first_frame_size(request.directory),
                        request.columns);
  // A pattern, in which the directory's own percent signs are doubled.
  std::string pattern;
  for (auto c : std::filesystem::absolute(request.directory).string())
    pattern.append(c == '%' ? 2 : 1, c);
  pattern += "/frame-%06d.jpg";
  auto done =
    media::run_program(media::find_program("ffmpeg"),
                       {"-nostdin",
                        "-hide_banner",
                        "-loglevel",
                        "error",
                        "-f",
                        "image2",
                        "-framerate",
                        fmt::format("1000/{}", request.every.count()),
                        "-start_number",
                        "1",
                        "-i",
                        "file:" + pattern,
                        "-vf",
                        fmt::format("trim=end_frame={},{}", request.frames,
                                    filters(request, layout)),
                        "-frames:v",
                        "1",
                        "-c:v",
                        "png",
                        "-f",
                        "image2pipe",
                        "pipe:1"},
                       largest_sheet, std::move(stop));
  if (done.was_stopped)
    return std::nullopt;
  if (!done.status.is_success() || done.output.empty())
    throw std::runtime_error{
      fmt::format("cannot make the contact sheet: ffmpeg ended with {}: {}",
                  to_string(done.status), done.errors)};
  return std::move(done.output);
}

} // namespace thumbnails
