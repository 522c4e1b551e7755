// What is to be seen on contact sheets.

#include "contact_sheet.hpp"
#include "thumbnails_test.hpp"

namespace {

using namespace thumbnails_test;

/// A picture in shades of grey.
struct picture {
  media::image_size size;
  std::string pixels;

  /// The pixels of a rectangle, row by row.
  std::string cut(unsigned x, unsigned y, unsigned width,
                  unsigned height) const {
    std::string result;
    for (auto row = y; row < y + height; ++row)
      result += pixels.substr(std::size_t{row} * size.width + x, width);
    return result;
  }
};

picture read_png(const std::string& path) {
  program ffmpeg{{"ffmpeg", "-nostdin", "-loglevel", "error", "-i", path,
                  "-pix_fmt", "gray", "-f", "rawvideo", "pipe:1"}};
  REQUIRE_MESSAGE(ffmpeg.wait() == 0, ffmpeg.errors());
  picture result{png_size(contents(path)), ffmpeg.output()};
  REQUIRE(result.pixels.size()
          == std::size_t{result.size.width} * result.size.height);
  return result;
}

bool is_uniform(const std::string& pixels) {
  return pixels.find_first_not_of(pixels.front()) == std::string::npos;
}

} // namespace

TEST_CASE("each frame of a contact sheet has its own time below it") {
  temporary_directory directory;
  make_video(directory / "v.mp4", {});
  for (std::string every : {"1s", "500ms"}) {
    CAPTURE(every);
    auto out = directory / every;
    program run{{THUMBNAILS_PROGRAM, directory / "v.mp4", "--every", every,
                 "--width", "160", "--columns", "3", "--out", out, "--quiet",
                 "--pools.ffmpeg.idle_shutdown_after=1h",
                 "--pools.ffmpeg.backend=local"}};
    REQUIRE_MESSAGE(run.wait() == 0, run.errors());
    auto frames = static_cast<std::uint32_t>(frames_in(out));
    auto sheet = read_png(out + "/contact-sheet.png");
    auto it = thumbnails::arrange(frames, {160, 90}, 3);
    auto cell_width = it.frame.width + it.gap;
    auto cell_height = it.frame.height + it.caption + it.gap;
    // Cells end with a gap, which counts as a part of the margin.
    auto top = sheet.size.height + it.gap - it.margin - it.rows * cell_height;
    std::set<std::string> captions;
    for (std::uint32_t i = 0; i < frames; ++i) {
      CAPTURE(i);
      auto x = it.margin + i % 3 * cell_width;
      auto y = top + i / 3 * cell_height;
      auto caption =
        sheet.cut(x, y + it.frame.height, it.frame.width, it.caption);
      CHECK_FALSE(is_uniform(caption));
      captions.insert(caption);
      // The strip is where it is looked for: below it, nothing is drawn.
      CHECK(is_uniform(sheet.cut(x, y + it.frame.height + it.caption,
                                 it.frame.width, it.gap)));
    }
    CHECK(captions.size() == frames);
    // The title above has its own text.
    CHECK_FALSE(is_uniform(sheet.cut(0, 0, sheet.size.width, top)));
  }
}
