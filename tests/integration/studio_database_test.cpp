/// What all repositories have in common, and what each has of its own. The
/// PostgreSQL server is real, and starts with the first test that needs it.
#include <thread>

#include <SQLiteCpp/SQLiteCpp.h>
#include <doctest/doctest.h>
#include <libpq-fe.h>

#include "database/database_url.hpp"
#include "database/postgres_repository.hpp"
#include "database/sqlite_repository.hpp"
#include "support/postgres_server.hpp"

using namespace studio;
using namespace tests;

namespace {

/// A new file for each test.
struct with_sqlite {
  temporary_directory directory;

  std::unique_ptr<repository> connect() const {
    return std::make_unique<sqlite_repository>(directory / "videos.db");
  }

  void run(const char* sql) const {
    SQLite::Database{directory / "videos.db", SQLite::OPEN_READWRITE}.exec(sql);
  }
};

postgres_server& server() {
  static postgres_server result;
  return result;
}

/// Empty for each test.
struct with_postgres {
  with_postgres() {
    connect()->open();
    auto videos = connect();
    for (auto& each : videos->latest(1000))
      videos->remove(each.id);
  }

  static std::unique_ptr<repository> connect() {
    return std::make_unique<postgres_repository>(server().url());
  }

  static void run(const char* sql) {
    std::unique_ptr<PGconn, decltype(&PQfinish)> connection{
      PQconnectdb(server().url().c_str()), PQfinish};
    std::unique_ptr<PGresult, decltype(&PQclear)> answer{
      PQexec(connection.get(), sql), PQclear};
    REQUIRE(PQresultStatus(answer.get()) == PGRES_COMMAND_OK);
  }
};

thumbnail picture(std::uint32_t index, const std::string& bytes) {
  return {index, 1000 * index, {bytes.begin(), bytes.end()}};
}

/// Bytes that are text in no encoding.
std::string all_bytes() {
  std::string result;
  for (int i = 0; i < 256; ++i)
    result += static_cast<char>(i);
  return result + "\\x00'\"";
}

void store(repository& videos, const std::string& id, std::int64_t created_ms,
           std::uint32_t thumbnails = 1) {
  video_attempt by{id, 1};
  videos.begin(by, {id + ".ts", 1000, created_ms});
  for (std::uint32_t i = 0; i < thumbnails; ++i)
    videos.add(by, picture(i, id));
  videos.finish(by, {"h264", 640, 360, 1000 * thumbnails});
}

std::string failure(const std::function<void()>& what) {
  try {
    what();
  } catch (const database_error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

} // namespace

// -- all of them --------------------------------------------------------------

TEST_CASE_TEMPLATE("a video that is finished is there, with all that was said",
                   world, with_sqlite, with_postgres) {
  world here;
  auto videos = here.connect();
  videos->open();
  CHECK(videos->latest(10).empty());
  video_attempt by{"00000000000000aa", 1};
  videos->begin(by,
                {"Über 🎬 ' \" \\ %s $1.mkv", 5'000'000'000, 1'700'000'000'123});
  videos->add(by, picture(0, all_bytes()));
  videos->add(by, {1, 2500, {}});
  CHECK(videos->latest(10).empty());
  CHECK(videos->jpeg(by.video, 0) == all_bytes());

  videos->finish(by, {"hevc", 3840, 2160, 5'000'000'000});
  auto all = videos->latest(10);
  REQUIRE(all.size() == 1);
  auto& video = all.front();
  CHECK(video.id == by.video);
  CHECK(video.title.name == "Über 🎬 ' \" \\ %s $1.mkv");
  CHECK(video.title.size == 5'000'000'000);
  CHECK(video.title.created_ms == 1'700'000'000'123);
  CHECK(video.facts.codec == "hevc");
  CHECK(video.facts.width == 3840);
  CHECK(video.facts.height == 2160);
  CHECK(video.facts.duration_ms == 5'000'000'000);
  CHECK(video.times == std::vector<std::int64_t>{0, 2500});
  CHECK(videos->jpeg(by.video, 1) == "");
  CHECK(videos->jpeg(by.video, 2) == std::nullopt);
  CHECK(videos->jpeg("00000000000000ab", 0) == std::nullopt);
}

TEST_CASE_TEMPLATE("what is kept is there for who connects later", world,
                   with_sqlite, with_postgres) {
  world here;
  {
    auto videos = here.connect();
    videos->open();
    store(*videos, "00000000000000aa", 7, 3);
  }
  auto videos = here.connect();
  videos->open();
  REQUIRE(videos->latest(10).size() == 1);
  CHECK(videos->latest(10).front().times.size() == 3);
  CHECK(videos->jpeg("00000000000000aa", 2) == "00000000000000aa");
}

TEST_CASE_TEMPLATE(
  "the latest videos are listed, and no more than were asked for", world,
  with_sqlite, with_postgres) {
  world here;
  auto videos = here.connect();
  videos->open();
  for (int i = 0; i < 5; ++i)
    store(*videos, "000000000000000" + std::to_string(i), 100 * (i * 3 % 5));
  std::vector<std::string> ids;
  for (auto& each : videos->latest(3)) {
    ids.push_back(each.id);
    CHECK(each.times.size() == 1);
  }
  CHECK(ids
        == std::vector<std::string>{"0000000000000003", "0000000000000001",
                                    "0000000000000004"});
}

TEST_CASE_TEMPLATE("what is said twice is there once", world, with_sqlite,
                   with_postgres) {
  world here;
  auto videos = here.connect();
  videos->open();
  video_attempt by{"00000000000000aa", 1};
  for (int i = 0; i < 2; ++i)
    videos->begin(by, {"a.ts", 1, 1});
  for (int i = 0; i < 2; ++i)
    videos->add(by, picture(0, "again"));
  for (int i = 0; i < 2; ++i)
    videos->finish(by, {"h264", 1, 1, 1});
  REQUIRE(videos->latest(10).size() == 1);
  CHECK(videos->latest(10).front().times.size() == 1);
}

TEST_CASE_TEMPLATE(
  "another attempt replaces what the one before it has written", world,
  with_sqlite, with_postgres) {
  world here;
  auto videos = here.connect();
  videos->open();
  video_attempt first{"00000000000000aa", 1};
  videos->begin(first, {"a.ts", 1, 1});
  videos->add(first, picture(0, "first"));
  videos->add(first, picture(1, "first"));
  video_attempt second{first.video, 2};
  videos->begin(second, {"a.ts", 1, 1});
  videos->add(second, picture(0, "second"));
  SUBCASE("and the one before it writes no more") {
    videos->begin(first, {"b.ts", 2, 2});
    videos->add(first, picture(0, "first"));
    videos->add(first, picture(7, "first"));
    videos->finish(first, {});
    CHECK(videos->latest(10).empty());
  }
  videos->finish(second, {});
  REQUIRE(videos->latest(10).size() == 1);
  CHECK(videos->latest(10).front().title.name == "a.ts");
  CHECK(videos->latest(10).front().times.size() == 1);
  CHECK(videos->jpeg(first.video, 0) == "second");
  CHECK(videos->jpeg(first.video, 1) == std::nullopt);
}

TEST_CASE_TEMPLATE("a video that is removed does not come back", world,
                   with_sqlite, with_postgres) {
  world here;
  auto videos = here.connect();
  videos->open();
  store(*videos, "00000000000000aa", 1, 2);
  store(*videos, "00000000000000ab", 2, 2);
  video_attempt by{"00000000000000aa", 1};
  videos->remove(by.video);
  videos->remove("00000000000000ff");
  // Its runner has not heard of it yet.
  videos->add(by, picture(2, "late"));
  videos->finish(by, {});
  REQUIRE(videos->latest(10).size() == 1);
  CHECK(videos->latest(10).front().id == "00000000000000ab");
  for (std::uint32_t i = 0; i < 3; ++i)
    CHECK(videos->jpeg(by.video, i) == std::nullopt);
}

TEST_CASE_TEMPLATE(
  "what has not been finished within a day is removed at the start", world,
  with_sqlite, with_postgres) {
  world here;
  auto videos = here.connect();
  videos->open();
  auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
               .count();
  video_attempt left{"00000000000000aa", 1};
  video_attempt under_way{"00000000000000ab", 1};
  videos->begin(left,
                {"a.ts", 1, now - std::chrono::milliseconds{25h}.count()});
  videos->begin(under_way,
                {"b.ts", 1, now - std::chrono::milliseconds{23h}.count()});
  for (auto& each : {left, under_way})
    videos->add(each, picture(0, "x"));
  store(*videos, "00000000000000ac", 1);
  here.connect()->open();
  CHECK(videos->jpeg(left.video, 0) == std::nullopt);
  CHECK(videos->jpeg(under_way.video, 0) == "x");
  CHECK(videos->latest(10).size() == 1);
}

TEST_CASE_TEMPLATE("many write at a time, each by a connection of its own",
                   world, with_sqlite, with_postgres) {
  world here;
  here.connect()->open();
  constexpr int writers = 4;
  constexpr int each_of_them = 10;
  std::atomic<int> failed = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < writers; ++i)
      threads.emplace_back([&, i] {
        try {
          auto videos = here.connect();
          for (int j = 0; j < each_of_them; ++j)
            store(*videos,
                  "00000000000000" + std::to_string(10 + i) + std::to_string(j),
                  j, 2);
        } catch (const database_error&) {
          ++failed;
        }
      });
  }
  CHECK(failed == 0);
  CHECK(here.connect()->latest(1000).size() == writers * each_of_them);
}

TEST_CASE_TEMPLATE("several that open a database at a time do not mind", world,
                   with_sqlite, with_postgres) {
  world here;
  std::atomic<int> failed = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        try {
          here.connect()->open();
        } catch (const database_error&) {
          ++failed;
        }
      });
  }
  CHECK(failed == 0);
}

TEST_CASE_TEMPLATE("tables of another version are told, and left as they are",
                   world, with_sqlite, with_postgres) {
  world here;
  here.connect()->open();
  here.run("UPDATE studio_schema SET version = 2");
  here.run("ALTER TABLE studio_thumbnails RENAME TO studio_pictures");
  CHECK(failure([&] {
          here.connect()->open();
        })
        == "the database is of another studio: its tables have version 2, and "
           "those of this one 1");
  // It has made none beside.
  here.run("ALTER TABLE studio_pictures RENAME TO studio_thumbnails");
  here.run("UPDATE studio_schema SET version = 1");
  here.connect()->open();
}

// -- SQLite -------------------------------------------------------------------

TEST_CASE("a database is for its owner, and says what is wrong with a file") {
  with_sqlite here;
  here.connect()->open();
  CHECK((fs::status(here.directory / "videos.db").permissions()
         & (fs::perms::group_all | fs::perms::others_all))
        == fs::perms::none);
  CHECK(failure([] {
          sqlite_repository{"/nowhere/videos.db"};
        })
        == "cannot make the database /nowhere/videos.db: No such file or "
           "directory");
  std::ofstream{here.directory / "other"} << std::string(4096, 'x');
  CHECK(failure([&] {
          sqlite_repository{here.directory / "other"};
        }).ends_with("/other: file is not a database"));
}

// -- PostgreSQL ---------------------------------------------------------------

TEST_CASE("a connection that the server has lost is made again") {
  with_postgres here;
  auto videos = here.connect();
  store(*videos, "00000000000000aa", 1);
  server().stop();
  auto problem = failure([&] {
    videos->latest(1);
  });
  CHECK(problem.starts_with("the database says: "));
  server().start();
  CHECK(videos->latest(10).size() == 1);
  // Between two transactions, nobody notices.
  server().stop();
  server().start();
  store(*videos, "00000000000000ab", 1);
  CHECK(videos->latest(10).size() == 2);
}

TEST_CASE("a wrong password is told, and shown nowhere") {
  postgres_repository videos{server().url_with("wr%40ng")};
  auto problem = failure([&] {
    videos.open();
  });
  CHECK(problem.find("password authentication failed for user \"studio\"")
        != std::string::npos);
  CHECK(problem.find("wr@ng") == std::string::npos);
  CHECK(problem.find("wr%40ng") == std::string::npos);
}

TEST_CASE("a password that stands in what libpq says is not told") {
  postgres_repository videos{"postgresql://me:nowhere@/name?host=/nowhere"};
  auto problem = failure([&] {
    videos.open();
  });
  CHECK(problem.find("\"/***/.s.PGSQL.5432\" failed") != std::string::npos);
}

TEST_CASE("all of a process share a connection") {
  auto one = shared_postgres(server().url());
  CHECK(shared_postgres(server().url()) == one);
}

// -- URLs ---------------------------------------------------------------------

TEST_CASE("a URL names a file or a server") {
  auto file = parse_database_url("sqlite:///var/lib/a%20b%25.db");
  REQUIRE(std::holds_alternative<sqlite_url>(file));
  CHECK(std::get<sqlite_url>(file).file == "/var/lib/a b%.db");
  for (std::string good :
       {"postgresql://user:word@host:5433/name?sslmode=require",
        "postgres:///name"}) {
    auto url = parse_database_url(good);
    REQUIRE(std::holds_alternative<postgres_url>(url));
    CHECK(std::get<postgres_url>(url).text == good);
  }
}

TEST_CASE("a URL that cannot be read is told without what may be secret") {
  for (std::string bad :
       {"", "hunter2", "/var/lib/hunter2.db", "sqlite:hunter2.db",
        "sqlite://hunter2.db", "sqlite:///", "sqlite:///a/",
        "sqlite:///a?hunter2", "sqlite:///%zz", "sqlite:///%00",
        "sqlite:///a%2", "mysql://me:hunter2@host/name", "hunter2 x://a",
        "postgresql://me:hunter2@host/name?hunter2",
        "postgresql://me:hunter2@[host", "postgresql://me:hunter2@host/%zz"}) {
    CAPTURE(bad);
    auto problem = failure([&] {
      parse_database_url(bad);
    });
    CHECK(problem != "nothing was thrown");
    CHECK(problem.find("hunter2") == std::string::npos);
  }
}

TEST_CASE("what is told of a command line has no credentials in it") {
  CHECK(
    without_credentials("not expected: --db=postgres://me:a/b@c@host/name x")
    == "not expected: --db=postgres://***@host/name x");
  CHECK(without_credentials("postgresql://host/n?PASSWORD=hunter2&a=b")
        == "postgresql://host/n?PASSWORD=***&a=b");
  CHECK(without_credentials("sqlite:///a.db") == "sqlite:///a.db");
}
