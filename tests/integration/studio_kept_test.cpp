/// What is kept of videos: for tabs that are opened later, and for studios that
/// are started later.
#include <libpq-fe.h>

#include "media/jpeg_splitter.hpp"
#include "studio_test.hpp"
#include "support/postgres_server.hpp"

using namespace studio_test;

namespace {

json listed(const studio_program& it) {
  auto answer = request(it.port, "/api/videos");
  REQUIRE(answer.result_int() == 200);
  CHECK(answer[http::field::content_type] == "application/json");
  return json::parse(answer.body())["videos"];
}

response picture(const studio_program& it, const std::string& id,
                 std::size_t index) {
  return request(it.port,
                 "/thumbnails/" + id + '/' + std::to_string(index) + ".jpg");
}

/// Uploads the video from its beginning to its end.
std::string keep(const studio_program& it, const std::string& name) {
  upload mine{it, stream_video(), name};
  mine.send();
  CHECK(mine.result()["done"] == true);
  return mine.id();
}

/// That a studio has all of `stream_video`, once.
void check_is_kept(const studio_program& it, const std::string& id,
                   const std::string& name) {
  std::size_t found = 0;
  for (auto& video : listed(it)) {
    if (video["id"] != id)
      continue;
    ++found;
    CHECK(video["name"] == name);
    CHECK(video["size"] == stream_video().size());
    CHECK(video["codec"] == "h264");
    CHECK(video["width"] == 640);
    CHECK(video["height"] == 360);
    CHECK(video["duration"] == 12000);
    CHECK(video["created"] > 1'700'000'000'000);
    REQUIRE(video["times"].size() == 12);
    CHECK(video["times"][11] == 11000);
  }
  CHECK(found == 1);
  for (std::size_t i = 0; i < 12; ++i) {
    auto answer = picture(it, id, i);
    CHECK(answer.result_int() == 200);
    CHECK(answer[http::field::content_type] == "image/jpeg");
    CHECK(answer["X-Content-Type-Options"] == "nosniff");
    auto size = media::size_of(answer.body());
    REQUIRE(size);
    CHECK(size->width == 400);
  }
  CHECK(picture(it, id, 12).result_int() == 404);
}

/// How many connections studios have.
int connections_to(const postgres_server& server) {
  std::unique_ptr<PGconn, decltype(&PQfinish)> asking{
    PQconnectdb(server.url().c_str()), PQfinish};
  std::unique_ptr<PGresult, decltype(&PQclear)> answer{
    PQexec(asking.get(), "SELECT count(*) FROM pg_stat_activity WHERE "
                         "application_name = 'studio'"),
    PQclear};
  REQUIRE(PQresultStatus(answer.get()) == PGRES_TUPLES_OK);
  return std::stoi(PQgetvalue(answer.get(), 0, 0));
}

bool knows_password(int pid) {
  auto is_in = [&](const char* file) {
    auto text = contents("/proc/" + std::to_string(pid) + file);
    return text.find(postgres_server::password) != text.npos
           || text.find(postgres_server::escaped_password()) != text.npos;
  };
  return is_in("/cmdline") || is_in("/environ");
}

} // namespace

// -- tabs that are opened later -----------------------------------------------

TEST_CASE(
  "a tab that is opened in the middle of an upload sees its thumbnails") {
  studio_program studio;
  watcher live{studio};
  upload mine{studio, stream_video()};
  mine.send(held_back);
  auto first = live.next_that(is_thumbnail(mine.id()));
  auto third = live.next_that([&](const json& event) {
    return is_thumbnail(mine.id())(event) && event["index"] == 2;
  });

  page_socket late{studio.port, "/live"};
  auto known = late.next_that([&](const json& event) {
    REQUIRE(event["type"] != "present");
    return event["type"] == "thumbnails" && event["upload"] == mine.id();
  });
  auto times = known.event["times"];
  REQUIRE(times.size() >= 3);
  CHECK(times[2] == 2000);
  late.next_that([](const json& event) {
    return event["type"] == "present";
  });
  CHECK(picture(studio, mine.id(), 0).body() == first.picture);
  CHECK(picture(studio, mine.id(), 2).body() == third.picture);
  // It is not finished.
  CHECK(listed(studio).empty());

  // What comes from now on is told.
  mine.send();
  std::set<std::size_t> told;
  late.next_that([&](const json& event) {
    if (is_thumbnail(mine.id())(event))
      told.insert(event["index"].get<std::size_t>());
    return is_upload(mine.id(), "done")(event);
  });
  for (auto i = times.size(); i < 12; ++i)
    CHECK(told.contains(i));
  check_is_kept(studio, mine.id(), "video.ts");
}

TEST_CASE("a page that is loaded again finds the videos that are finished") {
  studio_program studio;
  CHECK(listed(studio).empty());
  auto first = keep(studio, "first.ts");
  auto second = keep(studio, "second.ts");
  auto videos = listed(studio);
  REQUIRE(videos.size() == 2);
  CHECK(videos[0]["id"] == second);
  check_is_kept(studio, first, "first.ts");
  check_is_kept(studio, second, "second.ts");
}

TEST_CASE("a video whose runner was lost is kept once") {
  studio_program studio;
  watcher live{studio};
  upload mine{studio, stream_video()};
  mine.send(held_back);
  live.next_that(is_thumbnail(mine.id()));
  ::kill(processes_of(studio, "ffmpeg-1").at(0), SIGKILL);
  mine.send();
  CHECK(mine.result()["done"] == true);
  CHECK(listed(studio).size() == 1);
  check_is_kept(studio, mine.id(), "video.ts");
}

TEST_CASE("nothing is kept of a video that has come to nothing") {
  studio_program studio;
  watcher live{studio};
  std::string id;
  SUBCASE("as its tab was closed") {
    upload mine{studio, stream_video()};
    mine.send(held_back);
    id = mine.id();
    live.next_that(is_thumbnail(id));
  }
  SUBCASE("as its ffmpeg was killed") {
    upload mine{studio, stream_video()};
    mine.send(held_back);
    id = mine.id();
    live.next_that(is_thumbnail(id));
    ::kill(processes_of(studio, "ffmpeg").at(0), SIGKILL);
    CHECK(mine.result()["done"] == false);
  }
  CHECK(eventually([&] {
    return picture(studio, id, 0).result_int() == 404;
  }));
  CHECK(listed(studio).empty());
}

TEST_CASE("thumbnails have one address each, and nothing else is found there") {
  studio_program studio;
  auto id = keep(studio, "video.ts");
  for (auto& name : std::vector<std::string>{
         "", "/", id, id + "/", id + "/0", id + "/0.png", id + "/00.jpg",
         id + "/-1.jpg", id + "/+1.jpg", id + "/1e1.jpg", id + "/0x1.jpg",
         id + "/99999999999.jpg", id + "/../" + id + "/0.jpg",
         "../" + id + "/0.jpg", id + "0/0.jpg", "'OR''='/0.jpg",
         "%27%20OR%201=1--/0.jpg", id + "/0.jpg/", id + "//0.jpg"}) {
    CAPTURE(name);
    CHECK(request(studio.port, "/thumbnails/" + name).result_int() == 404);
  }
  CHECK(request(studio.port, "/api/videos/").result_int() == 404);
  CHECK(request(studio.port, "/api/videos", http::verb::post).result_int()
        == 405);
}

// -- studios that are started later -------------------------------------------

TEST_CASE(
  "a file that is named is kept, and has the videos for the next studio") {
  temporary_directory directory;
  std::vector<std::string> arguments{"--database",
                                     "sqlite://" + directory / "my videos.db"};
  auto& url = arguments[1];
  url.replace(url.find(' '), 1, "%20");
  std::string id;
  {
    studio_program studio{arguments};
    id = keep(studio, "video.ts");
    CHECK(studio.stop() == 0);
    CHECK(studio.errors() == "");
    CHECK(studio.files_left() == 0);
  }
  CHECK(fs::exists(directory / "my videos.db"));
  studio_program next{arguments};
  check_is_kept(next, id, "video.ts");
}

TEST_CASE("runners write to PostgreSQL by a connection of their own") {
  postgres_server server;
  temporary_directory directory;
  std::vector<std::string> arguments;
  SUBCASE("with the URL in a file") {
    std::ofstream{directory / "url"} << server.url() << '\n';
    arguments = {"--database-file", directory / "url"};
  }
  SUBCASE("with the URL on the command line, which is not that of runners") {
    arguments = {"--database", server.url()};
  }
  SUBCASE("in the other form") {
    arguments = {"--database=" + server.url()};
  }
  SUBCASE("from workers, which have no actors") {
    arguments = {"--database", server.url(),
                 "--pools.ffmpeg.isolation=process"};
  }
  std::string first;
  std::string second;
  {
    studio_program studio{arguments};
    CHECK(connections_to(server) == 1);
    watcher live{studio};
    {
      upload mine{studio, stream_video(), "first.ts"};
      mine.send(held_back);
      first = mine.id();
      live.next_that(is_thumbnail(first));
      CHECK(connections_to(server) == 2);
      auto all = descendants(studio.pid());
      CHECK(all.size() >= 2);
      for (auto& each : all)
        CHECK_FALSE(knows_password(each.pid));
      mine.send();
      CHECK(mine.result()["done"] == true);
    }
    check_is_kept(studio, first, "first.ts");
    // The runner is the same, and so is its connection.
    second = keep(studio, "second.ts");
    CHECK(connections_to(server) == 2);
    CHECK(studio.stop() == 0);
    CHECK(studio.errors() == "");
  }
  studio_program next{arguments};
  CHECK(listed(next).size() == 2);
  check_is_kept(next, first, "first.ts");
  check_is_kept(next, second, "second.ts");
}

TEST_CASE("without its database a studio goes on, and says what is not kept") {
  postgres_server server;
  studio_program studio{{"--database", server.url()}};
  watcher live{studio};
  upload mine{studio, stream_video()};
  mine.send(held_back);
  live.next_that(is_thumbnail(mine.id()));
  server.stop();
  mine.send();
  auto done = live.next_that(is_upload(mine.id(), "done"));
  CHECK(done.event["thumbnails"] == 12);
  CHECK(done.event["note"]
        == "This video is not kept: the database of the studio could not be "
           "reached.");
  auto answer = request(studio.port, "/api/videos");
  CHECK(answer.result_int() == 503);
  CHECK(answer.body()
        == "The database of the studio cannot be asked. Try again later.\n");
  // Runner and parent connect again.
  server.start();
  auto id = keep(studio, "again.ts");
  check_is_kept(studio, id, "again.ts");
  CHECK(listed(studio).size() == 1);
  CHECK(studio.stop() == 0);
  CHECK(studio.errors().find("a video is not kept: the database says: ")
        != std::string::npos);
  CHECK(studio.errors().find(postgres_server::password) == std::string::npos);
}

TEST_CASE("a database that cannot be had is told, and no password") {
  struct mistake {
    std::string argument;
    int status;
    std::string told;
  };
  temporary_directory directory;
  std::ofstream{directory / "url"} << "mysql://me:hunter2@host/name\n";
  for (auto& [argument, status, told] : std::vector<mistake>{
         {"--database=mysql://me:hunter2@host/name", 2,
          "error: --database: takes sqlite:///path/file.db or "
          "postgresql://host/database, and knows nothing of mysql://"},
         {"--database-file=" + directory / "url", 2,
          "error: --database-file: takes sqlite:///"},
         {"--database-file=/nowhere/hunter", 2,
          "error: --database-file: cannot read /nowhere/hunter"},
         {"--databse=postgresql://me:hunter2@host/name", 2, "error: "},
         {"--database=sqlite:///nowhere/videos.db", 1,
          "error: cannot make the database /nowhere/videos.db: No such file"},
         {"--database=postgresql://me:hunter2@/name?host=/nowhere", 1,
          "error: the database says: "}}) {
    CAPTURE(argument);
    failed_start studio{{"--port", "0", argument}};
    CHECK(studio.status == status);
    CAPTURE(studio.errors());
    CHECK(studio.errors().starts_with(told));
    CHECK(studio.errors().find("hunter2") == std::string::npos);
  }
}

TEST_CASE("workers, which have no actors, are not sent to a file") {
  failed_start studio{{"--port", "0", "--pools.ffmpeg.isolation=process"}};
  CHECK(studio.status == 1);
  CHECK(studio.errors().starts_with("error: with isolation: process, runners "
                                    "cannot write into a file"));
}
