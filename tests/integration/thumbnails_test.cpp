// Runs the program `thumbnails` on videos that ffmpeg makes.

#include "thumbnails_test.hpp"

namespace {

using namespace thumbnails_test;

std::vector<std::string> thumbnails_command(std::vector<std::string> args) {
  args.insert(args.begin(), THUMBNAILS_PROGRAM);
  return args;
}

const std::vector<std::string> backends{"process", "local"};

std::string on(const std::string& backend) {
  return "--pools.ffmpeg.backend=" + backend;
}

/// So that the end of a run need not be waited for.
constexpr const char* keep_pool = "--pools.ffmpeg.idle_shutdown_after=1h";

} // namespace

TEST_CASE("frames and a contact sheet are made, and the pool shrinks to none") {
  orphanage left;
  temporary_directory directory;
  make_video(directory / "v.mp4", {});
  auto out = directory / "out";
  program run{
    thumbnails_command({directory / "v.mp4", "--every", "1s", "--width", "160",
                        "--columns", "3", "--out", out, "--segment", "2s",
                        "--json", "--pools.ffmpeg.idle_shutdown_after=200ms"})};
  REQUIRE_MESSAGE(run.wait() == 0, run.errors());
  auto files = files_in(out);
  CHECK(files.size() == 7);
  for (int i = 1; i <= 6; ++i) {
    CAPTURE(i);
    auto name = "frame-00000" + std::to_string(i) + ".jpg";
    CHECK(jpeg_size(fs::path{out} / name) == media::image_size{160, 90});
  }
  auto sheet = png_size(files["contact-sheet.png"]);
  CHECK(sheet.width > 3 * 160);
  CHECK(sheet.width < 3 * 200);
  CHECK(sheet.height > 2 * 90);
  CHECK(sheet.height < 2 * 170);
  auto events = run.events();
  REQUIRE(events.size() > 10);
  CHECK(events.front()["event"] == "started");
  CHECK(events.front()["frames"] == 6);
  CHECK(events.back()["event"] == "done");
  CHECK(events.back()["how"] == "complete");
  CHECK(events.back()["frames"] == 6);
  auto& shrunk = events[events.size() - 2];
  CHECK(shrunk["event"] == "shrunk");
  CHECK(shrunk["from"] >= 1);
  CHECK(shrunk["runners"] == 0);
  CHECK(left.empties());
}

TEST_CASE("the result is the same with one runner, with four, and in place") {
  orphanage left;
  temporary_directory directory;
  auto make = [&](const std::string& name, std::vector<std::string> more) {
    std::vector<std::string> args{long_video(), "--every",        "500ms",
                                  "--out",      directory / name, "--segment",
                                  "5s",         "--quiet",        keep_pool};
    args.insert(args.end(), more.begin(), more.end());
    program run{thumbnails_command(args)};
    REQUIRE_MESSAGE(run.wait() == 0, run.errors());
    CHECK(run.output().empty());
    return files_in(directory / name);
  };
  auto alone = make("alone", {"--pools.ffmpeg.max=1"});
  CHECK(alone.size() == 81);
  CHECK(make("four", {"--pools.ffmpeg.max=4"}) == alone);
  CHECK(make("crowded",
             {"--pools.ffmpeg.max=2", "--pools.ffmpeg.max_concurrency=3"})
        == alone);
  CHECK(make("local", {on("local")}) == alone);
  CHECK(left.empties());
}

TEST_CASE("a segment whose runner or ffmpeg is ended is made again, and the "
          "result is the same") {
  orphanage left;
  temporary_directory directory;
  // A segment takes ffmpeg seconds, so that it is met at work.
  auto video = directory / "v.mp4";
  repeat_video(long_video(), 4, video);
  std::vector<std::string> args{
    video,  "--every", "800ms",   "--segment",
    "80s",  "--json",  keep_pool, "--pools.ffmpeg.max=2",
    "--out"};
  auto with_out = [&](const std::string& out) {
    auto result = args;
    result.push_back(out);
    return thumbnails_command(result);
  };
  program undisturbed{with_out(directory / "undisturbed")};
  REQUIRE_MESSAGE(undisturbed.wait() == 0, undisturbed.errors());
  struct blow {
    std::string victim;
    int signal;
  };
  for (auto& [victim, signal] : std::vector<blow>{{"runner_pid", SIGKILL},
                                                  {"runner_pid", SIGTERM},
                                                  {"ffmpeg_pid", SIGKILL}}) {
    CAPTURE(victim);
    CAPTURE(signal);
    auto out = directory / (victim + std::to_string(signal));
    program run{with_out(out)};
    auto started = run.next_event("segment_started");
    auto runner = started["runner_pid"].get<int>();
    auto ffmpeg = started["ffmpeg_pid"].get<int>();
    CHECK(state_of(runner).value_or(process_state{}).parent == run.pid());
    CHECK(state_of(ffmpeg).value_or(process_state{}).parent == runner);
    // Some of its frames are there, but not all of them.
    json frame;
    do
      frame = run.next_event("frame");
    while (frame["segment"] != started["segment"]);
    REQUIRE(::kill(started[victim].get<int>(), signal) == 0);
    auto retry = run.next_event("segment_retry");
    CHECK(retry["segment"] == started["segment"]);
    CHECK(eventually([&] {
      return !runs(ffmpeg);
    }));
    REQUIRE_MESSAGE(run.wait() == 0, run.errors());
    CHECK(files_in(out) == files_in(directory / "undisturbed"));
    auto events = run.events();
    CHECK(events.back()["frames"] == 200);
    CHECK(events.back()["retries"] == 1);
    CHECK(std::ranges::count_if(events,
                                [](const json& event) {
                                  return event["event"] == "frame";
                                })
          == 200);
  }
  CHECK(left.empties());
}

TEST_CASE("the first frame is there before ffmpeg has ended") {
  orphanage left;
  temporary_directory directory;
  for (auto& backend : backends) {
    CAPTURE(backend);
    program run{thumbnails_command({long_video(), "--every", "200ms", "--out",
                                    directory / backend, "--segment", "1h",
                                    "--json", keep_pool, on(backend)})};
    auto frame = run.next_event("frame");
    CHECK(frame["index"] == 0);
    auto ended = run.next_event("ffmpeg_ended");
    CHECK(ended["status"] == 0);
    CHECK(ended["frames"] == 200);
    CHECK(frame["at"].get<std::int64_t>()
          < ended["ended_at"].get<std::int64_t>());
    CHECK(run.wait() == 0);
  }
  CHECK(left.empties());
}

TEST_CASE("a parent that takes no frames makes ffmpeg wait") {
  orphanage left;
  temporary_directory directory;
  program run{thumbnails_command({long_video(), "--every", "40ms", "--width",
                                  "640", "--out", directory / "out",
                                  "--segment", "1h", "--json", keep_pool})};
  auto ffmpeg = run.next_event("segment_started")["ffmpeg_pid"].get<int>();
  run.next_event("frame");
  run.signal(SIGSTOP);
  // It does nothing any more, although it is far from its end.
  std::uint64_t ticks = 0;
  auto last_change = clock_type::now();
  auto waits = eventually([&] {
    auto state = state_of(ffmpeg);
    if (!state || state->state == 'Z')
      return true;
    if (std::exchange(ticks, state->cpu_ticks) != state->cpu_ticks)
      last_change = clock_type::now();
    return clock_type::now() - last_change > 500ms;
  });
  CHECK(waits);
  auto state = state_of(ffmpeg);
  REQUIRE(state);
  CHECK(state->state == 'S');
  run.signal(SIGCONT);
  CHECK(run.next_event("ffmpeg_ended")["frames"] == 1000);
  CHECK(run.wait() == 0);
  CHECK(left.empties());
}

TEST_CASE("Ctrl-C ends everything and says what there is") {
  orphanage left;
  temporary_directory directory;
  for (auto& backend : backends) {
    for (auto number : {SIGINT, SIGTERM}) {
      CAPTURE(backend);
      CAPTURE(number);
      auto out = directory / (backend + std::to_string(number));
      program run{
        thumbnails_command({long_video(), "--every", "40ms", "--out", out,
                            keep_pool, "--segment", "10s", on(backend)})};
      REQUIRE(eventually([&] {
        return frames_in(out) > 3;
      }));
      run.signal(number);
      CHECK(run.wait() == 130);
      CHECK(run.errors().empty());
      auto said = "interrupted: " + std::to_string(frames_in(out))
                  + " of 1000 frames are in " + out;
      CAPTURE(run.output());
      CHECK(run.output().find(said) != std::string::npos);
      CHECK(frames_in(out) < 1000);
      // Nothing but frames.
      CHECK(files_in(out).size() == frames_in(out));
      CHECK(left.empties(0ms));
    }
  }
}

TEST_CASE("a second Ctrl-C does not wait for a runner that hangs") {
  orphanage left;
  temporary_directory directory;
  program run{thumbnails_command({long_video(), "--every", "40ms", "--out",
                                  directory / "out", "--json", keep_pool,
                                  "--pools.ffmpeg.max=1"})};
  auto runner = run.next_event("segment_started")["runner_pid"].get<int>();
  run.next_event("frame");
  REQUIRE(::kill(runner, SIGSTOP) == 0);
  run.signal(SIGINT);
  run.signal(SIGTERM);
  auto begin = clock_type::now();
  CHECK(run.wait() == 130);
  // After the first one alone it would wait for the runner, for 3 s, and then
  // for the pool, for its shutdown_timeout of 10 s.
  CHECK(clock_type::now() - begin < 3s);
  ::kill(runner, SIGCONT);
  CHECK(left.empties());
}

TEST_CASE("when the program is killed, runners and ffmpeg end") {
  orphanage left;
  temporary_directory directory;
  for (auto& backend : backends) {
    CAPTURE(backend);
    program run{thumbnails_command({long_video(), "--every", "40ms", "--out",
                                    directory / backend, "--json", keep_pool,
                                    on(backend)})};
    run.next_event("frame");
    run.signal(SIGKILL);
    CHECK(run.wait() == 128 + SIGKILL);
    CHECK(left.empties());
  }
}

TEST_CASE("a video shorter than the time between frames has one") {
  orphanage left;
  temporary_directory directory;
  make_video(directory / "v.mkv", {.seconds = "0.4"});
  program run{thumbnails_command({directory / "v.mkv", "--every", "1s", "--out",
                                  directory / "out", keep_pool})};
  CHECK(run.wait() == 0);
  CHECK(frames_in(directory / "out") == 1);
  CHECK(fs::exists(directory / "out/contact-sheet.png"));
  CHECK(left.empties());
}

TEST_CASE("names with special characters do no harm") {
  orphanage left;
  temporary_directory directory;
  auto video = directory / "it's [odd]: 100%, a;b=c\\d.mp4";
  make_video("file:" + video, {});
  auto out = directory / "o'd:[d] 5%d";
  program run{
    thumbnails_command({video, "--every", "2s", "--out", out, keep_pool})};
  CHECK(run.wait() == 0);
  CHECK(run.errors().empty());
  CHECK(frames_in(out) == 3);
  CHECK(fs::exists(out + "/contact-sheet.png"));
  CHECK(left.empties());
}

TEST_CASE("frames of an earlier run with more of them do not stay") {
  orphanage left;
  temporary_directory directory;
  make_video(directory / "v.mp4", {});
  for (std::string every : {"1s", "3s"}) {
    program run{thumbnails_command({directory / "v.mp4", "--every", every,
                                    "--out", directory / "out", keep_pool})};
    REQUIRE_MESSAGE(run.wait() == 0, run.errors());
  }
  CHECK(frames_in(directory / "out") == 2);
  CHECK(left.empties());
}

TEST_CASE("what cannot be done is said, with an exit status of its own") {
  orphanage left;
  temporary_directory directory;
  auto video = directory / "v.mp4";
  make_video(video, {.seconds = "2"});
  auto broken = directory / "broken.mp4";
  std::ofstream{broken} << "this is no video\n";
  auto sound = directory / "sound.wav";
  program ffmpeg{{"ffmpeg", "-nostdin", "-loglevel", "error", "-f", "lavfi",
                  "-i", "sine=duration=2", sound}};
  REQUIRE(ffmpeg.wait() == 0);

  struct failure {
    std::vector<std::string> args;
    int status;
    std::string text;
    variables environment = {};
  };
  auto out = directory / "out";
  const std::vector<failure> failures{
    {{}, 2, "VIDEO is required"},
    {{video, "--bogus"}, 2, "--bogus"},
    {{video, "--every", "0s"}, 2, "--every: 0s is not a time"},
    {{video, "--every=-1s"}, 2, "--every"},
    {{video, "--every", "2"}, 2, "has no unit"},
    {{video, "--every", "soon"}, 2, "--every"},
    {{video, "--every", "10us"}, 2, "whole milliseconds"},
    {{video, "--every", "100d"}, 2, "--every: 100d is not a time"},
    {{video, "--width", "0"}, 2, "--width"},
    {{video, "--columns", "many"}, 2, "--columns: many is not a number"},
    {{video, "--columns", "0"}, 2, "--columns: 0 is not a number"},
    {{video, "--columns", "61"}, 2, "at most 60 do"},
    {{video, "--pools.ffmpeg.max=0"}, 2, "max"},
    {{video, "--pools.ffmpeg.min=5"}, 2, "min"},
    {{video, on("warp")}, 2, "there is no backend `warp`"},
    {{directory / "none.mp4"}, 1, "none.mp4: there is no such file"},
    {{directory / "."}, 1, "it is not a file"},
    {{broken}, 1, "broken.mp4 is not a video"},
    {{sound}, 1, "it has no moving picture"},
    {{video, "--out", broken}, 1, "cannot make the directory " + broken},
    {{video, "--out", broken + "/x"}, 1, "cannot make the directory"},
    {{video, "--out", "/proc/self/fd"}, 1, "cannot write to /proc/self/fd"},
    {{video, "--font", directory / "none.ttf"}, 1, "none.ttf"},
    {{video}, 1, "ffmpeg is not in PATH", {{"PATH", "/nowhere"}}},
  };
  for (auto& each : failures) {
    auto args = each.args;
    CAPTURE(each.text);
    if (std::ranges::find(args, "--out") == args.end() && !args.empty())
      args.insert(args.end(), {"--out", out});
    program run{thumbnails_command(args), each.environment};
    CHECK(run.wait() == each.status);
    CAPTURE(run.errors());
    CHECK(run.errors().starts_with("error: "));
    CHECK(run.errors().find(each.text) != std::string::npos);
    CHECK(run.output().empty());
    CHECK(left.empties(0ms));
    CHECK_FALSE(fs::exists(out));
  }
}

TEST_CASE("options with which no runner boots have the status of a mistake") {
  orphanage left;
  temporary_directory directory;
  auto video = directory / "v.mp4";
  make_video(video, {.seconds = "2"});
  program run{thumbnails_command(
    {video, "--out", directory / "out",
     "--pools.ffmpeg.backend.executable=/nowhere/thumbnails"})};
  CHECK(run.wait() == 2);
  CAPTURE(run.errors());
  CHECK(run.errors().find("cannot start /nowhere/thumbnails")
        != std::string::npos);
  CHECK(left.empties(0ms));
}

TEST_CASE("ffprobe missing is said, too") {
  orphanage left;
  temporary_directory directory;
  auto video = directory / "v.mp4";
  make_video(video, {.seconds = "2"});
  auto bin = directory / "bin";
  fs::create_directory(bin);
  std::ofstream{bin + "/ffmpeg"} << "#!/bin/sh\n";
  fs::permissions(bin + "/ffmpeg", fs::perms::owner_all);
  program run{thumbnails_command({video, "--out", directory / "out"}),
              {{"PATH", bin}}};
  CHECK(run.wait() == 1);
  CHECK(run.errors().find("ffprobe is not in PATH") != std::string::npos);
  CHECK(left.empties(0ms));
}

TEST_CASE("a disk that is full ends the work with a clear error") {
  orphanage left;
  temporary_directory directory;
  auto out = directory / "out";
  fs::create_directory(out);
  // Writing there fails as on a full disk, at a frame in the middle.
  fs::create_symlink("/dev/full", out + "/.frame-000100.jpg.part");
  program run{thumbnails_command(
    {long_video(), "--every", "40ms", "--out", out, keep_pool})};
  CHECK(run.wait() == 1);
  CHECK(
    run.errors().find("cannot write to " + out + ": No space left on device")
    != std::string::npos);
  CHECK(run.output().find("failed: ") != std::string::npos);
  CHECK(files_in(out).size() == frames_in(out));
  CHECK(left.empties(0ms));
}

TEST_CASE("a video that ends long before it should is an error") {
  orphanage left;
  temporary_directory directory;
  auto video = directory / "v.mp4";
  // The index stands first, so that a part of the file can be read.
  make_video(video, {.seconds = "20", .more = {"-movflags", "+faststart"}});
  fs::resize_file(video, fs::file_size(video) / 2);
  program run{
    thumbnails_command({video, "--out", directory / "out", keep_pool})};
  CHECK(run.wait() == 1);
  CAPTURE(run.errors());
  CHECK(run.errors().starts_with("error: "));
  CHECK(left.empties(0ms));
}
