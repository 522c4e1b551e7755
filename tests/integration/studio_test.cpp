#include "studio_test.hpp"

#include "media/jpeg_splitter.hpp"

using namespace studio_test;

TEST_CASE("thumbnails come while the video is still being uploaded") {
  studio_program studio;
  watcher live{studio};
  upload mine{studio, stream_video()};
  mine.send(held_back);

  auto first = live.next_that(is_thumbnail(mine.id()));
  CHECK(first.event["index"] == 0);
  CHECK(first.event["time"] == 0);
  auto size = media::size_of(first.picture);
  REQUIRE(size);
  CHECK(size->width == 400);
  CHECK(size->height >= 224);

  mine.send();
  unsigned count = 1;
  auto done = live.next_that([&](const json& event) {
    if (is_thumbnail(mine.id())(event)) {
      CHECK(event["index"] == count);
      CHECK(event["time"] == 1000 * count);
      ++count;
    }
    return is_upload(mine.id(), "done")(event);
  });
  CHECK(count == 12);
  CHECK(done.event["thumbnails"] == 12);
  CHECK(done.event["received"] == mine.size());
  CHECK(done.event["codec"] == "h264");
  CHECK(done.event["width"] == 640);
  CHECK(done.event["duration"] == 12000);
  CHECK(done.event["runner"] == "ffmpeg-1");
  CHECK(mine.result()["done"] == true);
}

TEST_CASE("a video whose index is at its end is read once it is complete") {
  temporary_directory directory;
  auto path = directory / "video.mp4";
  make_video(path, {.seconds = "6"});
  studio_program studio;
  watcher live{studio};
  upload mine{studio, contents(path), "video.mp4"};
  mine.send();
  live.next_that(is_upload(mine.id(), "waiting"));
  auto done = live.next_that(is_upload(mine.id(), "done"));
  CHECK(done.event["thumbnails"] == 6);
  CHECK(done.event["duration"] == 6000);
}

TEST_CASE("the samples are made, and can be uploaded") {
  studio_program studio{{"--sample-length", "2"}};
  for (std::string name : {"clock.ts", "zoom.mp4"}) {
    CAPTURE(name);
    auto sample = request(studio.port, "/samples/" + name);
    REQUIRE(sample.result_int() == 200);
    CHECK(sample[http::field::content_type].starts_with("video/"));
    // Once made, it is kept.
    CHECK(request(studio.port, "/samples/" + name).body() == sample.body());
    watcher live{studio};
    upload mine{studio, sample.body(), name};
    mine.send();
    CHECK(live.next_that(is_upload(mine.id(), "done")).event["thumbnails"]
          == 2);
  }
}

// -- what is refused ----------------------------------------------------------

TEST_CASE("a file that is no video is refused, in words") {
  studio_program studio;
  SUBCASE("by its first bytes") {
    upload mine{studio, std::string(100'000, 'x'), "video.mp4"};
    mine.send();
    auto end = mine.result();
    CHECK(end["done"] == false);
    CHECK(end["problem"].get<std::string>().starts_with(
      "This file is not a video. MP4, "));
    CHECK(processes_of(studio, "ffmpeg").empty());
  }
  SUBCASE("a playlist, which could name any file of the machine") {
    upload mine{studio, "#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
                "video.ts"};
    mine.send();
    CHECK(mine.result()["problem"].get<std::string>().starts_with(
      "This file is not a video. MP4, "));
  }
  SUBCASE("by what ffmpeg makes of it") {
    watcher live{studio};
    upload mine{studio,
                std::string{"\0\0\0\x18"
                            "ftypmp42",
                            12}
                  + std::string(200'000, 'x'),
                "video.mp4"};
    mine.send();
    auto end = mine.result();
    CHECK(end["done"] == false);
    CHECK(end["problem"].get<std::string>().starts_with(
      "This file is not a video that can be read"));
    auto failed = live.next_that(is_upload(mine.id(), "failed"));
    CHECK(failed.event["note"] == end["problem"]);
    // Another runner would make no more of it.
    CHECK(failed.event["attempt"] == 1);
  }
}

TEST_CASE("a video that is too large is refused before it is sent") {
  studio_program studio{{"--max-upload", "1MB"}};
  upload mine{studio, std::string(1'000'001, 'G')};
  CHECK(mine.result()["problem"]
        == "This video is too large: 1.0 MB, and at most 1.0 MB are taken.");
}

TEST_CASE("no more is taken than was announced or allowed") {
  studio_program studio;
  page_socket tab{studio.port, "/upload"};
  tab.send(json{{"name", "video.ts"}, {"size", 1000}});
  REQUIRE(tab.next()->event["until"] == 1000);
  tab.send(std::string_view{stream_video()}.substr(0, 1001));
  CHECK(tab.next()->event["problem"]
        == "The browser has sent more than it has announced.");
}

TEST_CASE("with as many uploads as there may be, another one has to wait") {
  studio_program studio{{"--max-uploads", "1"}};
  watcher live{studio};
  {
    upload first{studio, stream_video()};
    first.id();
    upload second{studio, stream_video()};
    CHECK(second.result()["problem"].get<std::string>().starts_with(
      "As many videos as the studio takes at a time are being uploaded."));
  }
  live.next_that([](const json& event) {
    return event["type"] == "upload" && event["state"] == "cancelled";
  });
  upload third{studio, stream_video()};
  third.send();
  CHECK(third.result()["done"] == true);
}

TEST_CASE("who hears that an upload is refused finds its place free") {
  studio_program studio{{"--max-uploads", "1"}};
  for (int i = 0; i < 50; ++i) {
    upload no_video{studio, std::string(1000, 'x')};
    no_video.send();
    REQUIRE(no_video.result()["problem"].get<std::string>().starts_with(
      "This file is not a video."));
  }
}

TEST_CASE("a browser that sends nothing loses its place") {
  studio_program studio{{"--max-uploads", "1", "--stall-timeout", "1s"}};
  watcher live{studio};
  SUBCASE("from the beginning") {
    upload first{studio, stream_video()};
    CHECK(first.result()["problem"]
          == "Nothing of this video has come for 1 s.");
  }
  SUBCASE("in the middle, and ffmpeg goes with it") {
    upload first{studio, stream_video()};
    first.send(held_back);
    CHECK(first.result()["problem"]
          == "Nothing of this video has come for 1 s.");
    live.next_that(is_upload(first.id(), "failed"));
    CHECK(eventually([&] {
      return processes_of(studio, "ffmpeg").empty();
    }));
  }
  SUBCASE("without a word") {
    page_socket tab{studio.port, "/upload"};
    auto end = tab.next();
    REQUIRE(end);
    CHECK(end->event["problem"] == "Nothing of this video has come for 1 s.");
  }
  upload next{studio, stream_video()};
  next.send();
  CHECK(next.result()["done"] == true);
}

TEST_CASE("a browser that may not send yet keeps its place") {
  studio_program studio{
    {"--stall-timeout", "300ms", "--pools.ffmpeg.heartbeat.interval=0s"}};
  watcher live{studio};
  temporary_directory directory;
  auto path = directory / "large.ts";
  make_video(
    path,
    {.size = "1280x720", .seconds = "8", .more = {"-g", "25", "-qp", "4"}});
  upload mine{studio, contents(path)};
  mine.send(mine.size() - held_back);
  live.next_that(is_upload(mine.id(), "working"));
  std::vector<int> ffmpeg;
  REQUIRE(eventually([&] {
    ffmpeg = processes_of(studio, "ffmpeg");
    return ffmpeg.size() == 1;
  }));
  ::kill(ffmpeg.front(), SIGSTOP);
  std::jthread browser{[&] {
    mine.send();
  }};
  // It has sent what it may, and nothing more for longer than the time.
  std::size_t before = 0;
  CHECK(eventually([&] {
    auto last = std::exchange(before, mine.sent());
    std::this_thread::sleep_for(1s);
    return last > 0 && last == before;
  }));
  CHECK(mine.sent() < mine.size());
  ::kill(ffmpeg.front(), SIGCONT);
  browser.join();
  CHECK(mine.result()["done"] == true);
}

TEST_CASE("names of files are shown, and are no paths") {
  studio_program studio;
  watcher live{studio};
  upload mine{studio, stream_video(), "../../etc/<script>\n.ts"};
  auto told = live.next_that([&](const json& event) {
    return event["type"] == "upload" && event["id"] == mine.id();
  });
  CHECK(told.event["name"] == "<script>.ts");
}

// -- HTTP ---------------------------------------------------------------------

TEST_CASE("every answer says what a page may do") {
  studio_program studio;
  for (auto* target : {"/", "/app.js", "/nothing"}) {
    CAPTURE(target);
    auto answer = request(studio.port, target);
    auto policy = answer["Content-Security-Policy"];
    CHECK(policy.find("default-src 'none'; script-src 'self';") == 0);
    CHECK(policy.find("unsafe") == policy.npos);
    CHECK(answer["X-Content-Type-Options"] == "nosniff");
  }
  auto page = request(studio.port, "/");
  CHECK(page.result_int() == 200);
  CHECK(page[http::field::content_type] == "text/html; charset=utf-8");
  CHECK(page.body().find("<script>") == page.body().npos);
  CHECK(request(studio.port, "/app.js")[http::field::content_type]
        == "text/javascript; charset=utf-8");
}

TEST_CASE("nothing is to be found but the page and the samples") {
  studio_program studio;
  for (auto* target :
       {"/../../../../etc/passwd", "/samples/../../../etc/passwd",
        "/samples/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/index.html",
        "/samples/", "/samples/other.ts", "/live", "*", "etc/passwd"}) {
    CAPTURE(target);
    CHECK(request(studio.port, target).result_int() == 404);
  }
  CHECK(request(studio.port, "/", http::verb::delete_).result_int() == 405);
}

TEST_CASE("other sites' pages get no WebSocket, and other names no answer") {
  studio_program studio;
  for (std::string path : {"/live", "/upload"})
    for (std::string origin :
         {"", "null", "http://evil.example", "http://127.0.0.1:1",
          "http://127.0.0.1.evil.example"}) {
      CAPTURE(path);
      CAPTURE(origin);
      page_socket tab{studio.port, path, origin};
      CHECK(tab.error == websocket::error::upgrade_declined);
      CHECK(tab.answer.result_int() == 403);
    }
  // As a name that its owner lets point to this machine.
  CHECK(request(studio.port, "/", http::verb::get, "evil.example").result_int()
        == 421);
  studio_program known{{"--host", "studio.example"}};
  CHECK(
    request(known.port, "/", http::verb::get, "studio.example:80").result_int()
    == 200);
}

TEST_CASE("the dashboard is a page of its own, where it is asked for") {
  studio_program studio{{"--dashboard"}};
  auto line = studio.next_line();
  REQUIRE(line);
  REQUIRE(line->starts_with("dashboard: http://127.0.0.1:"));
  auto port =
    static_cast<std::uint16_t>(std::stoul(line->substr(line->rfind(':') + 1)));
  auto state = json::parse(request(port, "/state.json").body());
  REQUIRE(state["pools"].size() == 1);
  CHECK(state["pools"][0]["name"] == "ffmpeg");
  CHECK(request(port, "/samples/other.ts").result_int() == 404);
  CHECK(request(studio.port, "/state.json").result_int() == 404);
  CHECK(studio.stop() == 0);
}

// -- ends ---------------------------------------------------------------------

TEST_CASE("closing the tab ends ffmpeg at once, and not the runner") {
  studio_program studio;
  watcher live{studio};
  std::string id;
  int ffmpeg = 0;
  {
    upload mine{studio, stream_video()};
    mine.send(held_back);
    id = mine.id();
    live.next_that(is_thumbnail(id));
    auto found = processes_of(studio, "ffmpeg");
    REQUIRE(found.size() == 1);
    ffmpeg = found.front();
  }
  CHECK(eventually(
    [&] {
      return !runs(ffmpeg);
    },
    5s));
  live.next_that(is_upload(id, "cancelled"));
  upload next{studio, stream_video()};
  next.send();
  CHECK(next.result()["done"] == true);
  auto done = live.next_that(is_upload(next.id(), "done"));
  CHECK(done.event["runner"] == "ffmpeg-1");
}

TEST_CASE("closing the tab ends an ffmpeg that has all of its video") {
  temporary_directory directory;
  auto path = directory / "video.mp4";
  make_video(path, {.size = "1280x720", .seconds = "20"});
  // Not by the end of its runner.
  studio_program studio{{"--every", "40ms", "--pools.ffmpeg.stop_grace=10min"}};
  watcher live{studio};
  {
    upload mine{studio, contents(path), "video.mp4"};
    mine.send();
    live.next_that(is_upload(mine.id(), "waiting"));
    live.next_that(is_thumbnail(mine.id()));
    // It would come to its end by itself.
    ::kill(processes_of(studio, "ffmpeg").at(0), SIGSTOP);
  }
  CHECK(eventually([&] {
    return processes_of(studio, "ffmpeg").empty();
  }));
}

TEST_CASE("a runner that is killed is told, and its video made again") {
  studio_program studio;
  watcher live{studio};
  upload mine{studio, stream_video()};
  mine.send(held_back);
  live.next_that(is_thumbnail(mine.id()));
  auto runner = processes_of(studio, "ffmpeg-1");
  REQUIRE(runner.size() == 1);
  ::kill(runner.front(), SIGKILL);

  auto again = live.next_that(is_upload(mine.id(), "retrying"));
  CHECK(again.event["attempt"] == 2);
  CHECK(again.event["note"]
        == "The runner ffmpeg-1 was lost while it worked on this video.");
  live.next_that(is_thumbnail(mine.id(), 2));
  mine.send();
  auto done = live.next_that(is_upload(mine.id(), "done"));
  CHECK(done.event["thumbnails"] == 12);
  CHECK(done.event["runner"] == "ffmpeg-2");
  CHECK(mine.result()["done"] == true);
  CHECK(live.next_that(is_pool).event["lost"] == 1);
}

TEST_CASE(
  "where nothing is tried again, a lost runner is the end of an upload") {
  studio_program studio{{"--pools.ffmpeg.retry.attempts=1"}};
  watcher live{studio};
  upload mine{studio, stream_video()};
  mine.send(held_back);
  live.next_that(is_thumbnail(mine.id()));
  ::kill(processes_of(studio, "ffmpeg-1").at(0), SIGKILL);
  auto end = mine.result();
  CHECK(end["done"] == false);
  CHECK(end["problem"]
        == "The runner ffmpeg-1 was lost while it worked on this video.");
}

TEST_CASE("a video whose ffmpeg is killed has failed") {
  studio_program studio;
  watcher live{studio};
  upload mine{studio, stream_video()};
  mine.send(held_back);
  live.next_that(is_thumbnail(mine.id()));
  ::kill(processes_of(studio, "ffmpeg").at(0), SIGKILL);
  // At once, although the browser has more to send.
  CHECK(mine.result()["problem"] == "ffmpeg was ended by signal 9 (Killed).");
  CHECK(live.next_that(is_upload(mine.id(), "failed")).event["note"]
        == "ffmpeg was ended by signal 9 (Killed).");
}

TEST_CASE("SIGTERM in the middle of an upload leaves nothing behind") {
  orphanage left;
  studio_program studio{{"--sample-length", "1"}};
  watcher live{studio};
  REQUIRE(request(studio.port, "/samples/clock.ts").result_int() == 200);
  upload mine{studio, stream_video()};
  mine.send(held_back);
  live.next_that(is_thumbnail(mine.id()));
  CHECK(studio.files_left() > 0);
  CHECK(studio.stop() == 0);
  CHECK(studio.errors() == "");
  CHECK(studio.files_left() == 0);
  CHECK(left.empties());
}

TEST_CASE("a port that is taken, and what cannot be understood, is told") {
  studio_program studio;
  failed_start other{{"--port", std::to_string(studio.port)}};
  CHECK(other.status == 1);
  CHECK(other.errors().find("error: cannot listen on 127.0.0.1 port") == 0);
  failed_start wrong{{"--max-upload", "much"}};
  CHECK(wrong.status == 2);
  CHECK(wrong.errors().find("error: --max-upload") == 0);
  failed_start stalled{{"--stall-timeout", "2h"}};
  CHECK(stalled.status == 2);
  CHECK(stalled.errors().find("error: --stall-timeout: 2h is not a time") == 0);
}
