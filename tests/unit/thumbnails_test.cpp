#include <algorithm>
#include <initializer_list>
#include <string>

#include <doctest/doctest.h>

#include "contact_sheet.hpp"
#include "frame_source.hpp"
#include "media/jpeg_splitter.hpp"
#include "media/subprocess.hpp"
#include "output_directory.hpp"
#include "segment_plan.hpp"

using namespace std::chrono_literals;
using namespace media;
using namespace thumbnails;

namespace {

image bytes(std::initializer_list<int> values) {
  image result;
  for (auto each : values)
    result.push_back(static_cast<char>(each));
  return result;
}

image operator+(image left, const image& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

/// A JPEG image in structure: 4 by 2 pixels, with bytes in a comment that look
/// like the end of an image, and all that may stand in a scan.
image sample(int id) {
  return bytes({0xff, 0xd8})
         // A comment with an end marker in it.
         + bytes({0xff, 0xfe, 0x00, 0x07, 0xff, 0xd9, 0xff, 0xd8, id})
         // Fill bytes before the frame header.
         + bytes(
           {0xff, 0xff, 0xff, 0xc0, 0x00, 0x0b, 8, 0, 2, 0, 4, 1, 1, 0x11, 0})
         + bytes({0xff, 0xda, 0x00, 0x08, 1, 1, 0, 0, 63, 0})
         // A scan with an escaped 0xff and a restart.
         + bytes({1, 2, 0xff, 0x00, 0xd9, 0xff, 0xd3, 3, id})
         // A second scan, as progressive images have.
         + bytes({0xff, 0xda, 0x00, 0x08, 1, 1, 0, 0, 63, 0, 7, 7})
         + bytes({0xff, 0xd9});
}

std::vector<image> split(const image& stream, std::size_t piece,
                         jpeg_splitter& splitter) {
  std::vector<image> result;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    splitter.push(
      std::span{stream}.subspan(at, std::min(piece, stream.size() - at)));
    while (auto next = splitter.next())
      result.push_back(std::move(*next));
  }
  return result;
}

} // namespace

TEST_CASE("images come out whole, however the stream is cut") {
  std::vector<image> images{sample(1), sample(2), sample(0xff)};
  auto stream = images[0] + images[1] + images[2];
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    CAPTURE(piece);
    jpeg_splitter splitter;
    CHECK(split(stream, piece, splitter) == images);
    CHECK(splitter.is_between_images());
  }
}

TEST_CASE("a stream that ends within an image is known to") {
  auto stream = sample(1) + sample(2);
  for (std::size_t size = 1; size < stream.size(); ++size) {
    CAPTURE(size);
    jpeg_splitter splitter;
    image part(stream.begin(),
               stream.begin() + static_cast<std::ptrdiff_t>(size));
    split(part, size, splitter);
    CHECK(splitter.is_between_images() == (size == sample(1).size()));
  }
}

TEST_CASE("what is no stream of images is an error") {
  auto fails = [](const image& stream) {
    jpeg_splitter splitter;
    CHECK_THROWS_AS(split(stream, stream.size(), splitter), stream_error);
  };
  fails(bytes({'P', 'N', 'G', '!'}));
  fails(sample(1) + bytes({0, 0}));
  SUBCASE("a marker is missing") {
    fails(bytes({0xff, 0xd8, 0x12, 0x34}));
  }
  SUBCASE("an image begins within an image") {
    fails(bytes({0xff, 0xd8, 0xff, 0xd8}));
  }
  SUBCASE("a length is too short") {
    fails(bytes({0xff, 0xd8, 0xff, 0xfe, 0, 1, 0, 0}));
  }
}

TEST_CASE("an image without end is an error before it fills the memory") {
  jpeg_splitter splitter{1000};
  auto begin = bytes({0xff, 0xd8, 0xff, 0xda, 0, 2});
  splitter.push(begin);
  CHECK_FALSE(splitter.next());
  image scan(500, 'x');
  splitter.push(scan);
  CHECK_FALSE(splitter.next());
  splitter.push(scan);
  CHECK_THROWS_AS(splitter.next(), stream_error);
}

TEST_CASE("the size of an image is that of its frame header") {
  CHECK(size_of(sample(1)) == image_size{4, 2});
  CHECK_FALSE(size_of(bytes({0xff, 0xd8})));
  CHECK_FALSE(size_of({}));
  for (std::size_t size = 0; size < 20; ++size) {
    auto all = sample(1);
    CHECK_FALSE(size_of(std::span{all}.first(size)));
  }
}

TEST_CASE("a plan has a frame for each step of the video, in whole segments") {
  auto plan = make_plan(60s, 1s, 10s);
  CHECK(plan.frames == 60);
  REQUIRE(plan.segments.size() == 6);
  CHECK(plan.segments[1] == segment{1, 10, 10});
  CHECK(plan.time_of(59) == 59s);
}

TEST_CASE("frames of a plan are shared out without gap or overlap") {
  for (auto every : {1ms, 40ms, 333ms, 1000ms, 7000ms, 90000ms}) {
    for (auto length : {1ms, 1000ms, 2500ms, 3600000ms}) {
      auto plan = make_plan(61s + 337ms, every, length);
      std::uint32_t next = 0;
      for (auto& each : plan.segments) {
        CHECK(each.first_frame == next);
        CHECK(each.frames > 0);
        next += each.frames;
      }
      CHECK(next == plan.frames);
      CHECK(plan.time_of(plan.frames - 1) < 61s + 337ms);
      CHECK(plan.time_of(plan.frames) >= 61s + 336ms);
    }
  }
}

TEST_CASE("a video shorter than a step has one frame") {
  auto plan = make_plan(400ms, 1s, 10s);
  CHECK(plan.frames == 1);
  CHECK(plan.segments == std::vector<segment>{{0, 0, 1}});
  CHECK(make_plan(1us, 1s, 10s).frames == 1);
}

TEST_CASE("a frame due at the very end of the video is not planned") {
  CHECK(make_plan(5s, 1s, 10s).frames == 5);
  CHECK(make_plan(5s + 500us, 1s, 10s).frames == 5);
  CHECK(make_plan(5s + 20ms, 1s, 10s).frames == 6);
}

TEST_CASE("more frames than names can number are refused") {
  CHECK_THROWS_AS(make_plan(2h, 1ms, 10s), std::runtime_error);
}

TEST_CASE("time stamps have a fraction where frames need it") {
  CHECK(time_stamp(0ms, false) == "00:00:00");
  CHECK(time_stamp(25h + 61s, false) == "25:01:01");
  CHECK(time_stamp(1500ms, true) == "00:00:01.500");
  CHECK(needs_fraction(500ms));
  CHECK(needs_fraction(1500ms));
  CHECK_FALSE(needs_fraction(2s));
}

TEST_CASE("a contact sheet shows all frames and stays of a size to look at") {
  for (std::uint32_t frames : {1u, 2u, 7u, 13u, 60u, 600u, 5000u}) {
    for (image_size size : {image_size{320, 180}, {180, 320}, {16, 16}}) {
      CAPTURE(frames);
      auto it = arrange(frames, size, std::nullopt);
      auto shown = (frames + it.step - 1) / it.step;
      CHECK(it.columns * it.rows >= shown);
      CHECK(it.columns * (it.rows - 1) < shown);
      CHECK(it.columns * it.frame.width <= 6000);
      CHECK(it.rows * it.frame.height <= 6000);
      CHECK((it.step == 1 || frames > 600));
    }
  }
  CHECK(arrange(60, {320, 180}, 4).columns == 4);
  CHECK(arrange(3, {320, 180}, 10).columns == 3);
}

TEST_CASE("as many columns as may be asked for leave no frame out") {
  auto most = most_columns();
  for (image_size size : {image_size{320, 180}, {16, 16}, {4096, 2160}}) {
    CHECK(arrange(most, size, most).columns == most);
    CHECK(arrange(most, size, most).step == 1);
    CHECK(arrange(most + 1, size, most + 1).step > 1);
  }
}

TEST_CASE("frames are asked of ffmpeg at the exact rate") {
  auto filter_of = [](std::int64_t every) {
    auto args = ffmpeg_arguments({"/v.mp4", 61'001, every, 10, 320});
    auto i = std::ranges::find(args, std::string{"-vf"});
    return *(i + 1);
  };
  CHECK(filter_of(1000).starts_with("fps=fps=1/1:"));
  CHECK(filter_of(500).starts_with("fps=fps=2/1:"));
  CHECK(filter_of(1500).starts_with("fps=fps=2/3:"));
  CHECK(filter_of(333).starts_with("fps=fps=1000/333:"));
  auto args = ffmpeg_arguments({"/v.mp4", 61'001, 1000, 10, 320});
  auto i = std::ranges::find(args, std::string{"-ss"});
  CHECK(*(i + 1) == "61.001");
}

TEST_CASE("of what a program says the last lines are kept, and no more") {
  last_lines lines;
  CHECK(lines.text().empty());
  lines.push("one\ntw");
  lines.push("o\n\n[mp4 @ 0x55dd02724ac0] three");
  CHECK(lines.text() == "one; two; three");
  CHECK(lines.text(1) == "three");
  for (int i = 0; i < 10'000; ++i)
    lines.push(std::string(1000, 'x') + "\n");
  CHECK(lines.text(1'000'000).size() < 10'000);
}
