#include <atomic>
#include <future>
#include <string>
#include <thread>

#include <doctest/doctest.h>

#include "server/picture_name.hpp"
#include "uploads/checks.hpp"
#include "video/thinning.hpp"
#include "web/guard.hpp"
#include "web/open_connections.hpp"

using namespace studio;
using namespace web;

TEST_CASE("a name is the last part of a path, without what cannot be seen") {
  CHECK(clean_name("holiday.mp4") == "holiday.mp4");
  CHECK(clean_name("/etc/passwd") == "passwd");
  CHECK(clean_name("..\\..\\boot.ini") == "boot.ini");
  CHECK(clean_name("a\r\n\t\x7f.ts") == "a.ts");
  CHECK(clean_name("Über 🎬.mkv") == "Über 🎬.mkv");
  CHECK(clean_name("gpj.\u202e4pm") == "gpj.4pm");
  CHECK(clean_name("a\xff.ts") == "a\xef\xbf\xbd.ts");
  CHECK(clean_name("\xe2\x80") == "\xef\xbf\xbd\xef\xbf\xbd");
  CHECK(clean_name("\xed\xa0\x80").find('\xed') == std::string::npos);
}

TEST_CASE("a name is never empty, and has a bound that cuts no character") {
  for (auto* name : {"", "  ", "/", "dir/", "\n"})
    CHECK(clean_name(name) == "video");
  std::string is_long;
  for (int i = 0; i < 200; ++i)
    is_long += "ü";
  CHECK(clean_name(is_long) == is_long.substr(0, 240));
}

TEST_CASE("a thumbnail has one address") {
  auto good = parse_picture_name("0123456789abcdef/120.jpg");
  REQUIRE(good);
  CHECK(good->video == "0123456789abcdef");
  CHECK(good->index == 120);
  CHECK(parse_picture_name("0123456789abcdef/0.jpg")->index == 0);
  CHECK(parse_picture_name("0123456789abcdef/999999.jpg")->index == 999'999);
  for (auto* bad :
       {"", "/", "0123456789abcdef", "0123456789abcdef/",
        "0123456789abcdef/.jpg", "0123456789abcdef/1", "0123456789abcdef/1.png",
        "0123456789abcdef/01.jpg", "0123456789abcdef/00.jpg",
        "0123456789abcdef/-1.jpg", "0123456789abcdef/+1.jpg",
        "0123456789abcdef/1000000.jpg", "0123456789abcdef/ 1.jpg",
        "0123456789abcdef/1.jpg ", "0123456789ABCDEF/1.jpg",
        "0123456789abcde/1.jpg", "0123456789abcdef0/1.jpg",
        "0123456789abcde'/1.jpg", "../456789abcdef/1.jpg"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_picture_name(bad));
  }
}

TEST_CASE("announcements are an object with name and size, and nothing else") {
  auto good = parse_announcement(R"({"name": "a.ts", "size": 12})");
  REQUIRE(good);
  CHECK(good->name == "a.ts");
  CHECK(good->size == 12);
  for (auto* bad :
       {"", "{", "[]", "7", R"({"name": "a.ts"})", R"({"size": 12})",
        R"({"name": 1, "size": 12})", R"({"name": "a", "size": -1})",
        R"({"name": "a", "size": 1.5})", R"({"name": "a", "size": "12"})",
        R"({"name": "a", "size": 1e30})"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_announcement(bad));
  }
}

TEST_CASE("sizes are told as people tell them, and bounded") {
  CHECK(format_size(1) == "1 byte");
  CHECK(format_size(999) == "999 bytes");
  CHECK(format_time(std::chrono::seconds{30}) == "30 s");
  CHECK(format_time(std::chrono::milliseconds{300}) == "0.3 s");
  CHECK(format_size(1500) == "1.5 KB");
  CHECK(format_size(999'600) == "1.0 MB");
  CHECK(format_size(2'147'483'648) == "2.1 GB");
  CHECK(problem_of_size(10, 10) == "");
  CHECK(problem_of_size(0, 10) == "This file is empty.");
  CHECK(problem_of_size(5000, 1000)
        == "This video is too large: 5.0 KB, and at most 1.0 KB are taken.");
}

TEST_CASE("videos are known by their first bytes") {
  using namespace std::string_literals;
  std::string packets(400, 'x');
  packets[0] = packets[188] = 'G';
  for (auto& good :
       {"\0\0\0\x18"s + "ftypisom", "\x1a\x45\xdf\xa3"s,
        "RIFF\1\2\3\4AVI LIST"s, "OggS\0"s, "FLV\1"s, "\0\0\1\xba"s, packets})
    CHECK(looks_like_video(good));
  for (auto& bad : {""s, "G"s, "#EXTM3U\n"s, "RIFF\1\2\3\4WAVE"s,
                    "\x89PNG\r\n"s, "\xff\xd8\xff\xe0"s,
                    "ffconcat version 1.0"s, "<svg>"s, std::string(400, 'x')})
    CHECK_FALSE(looks_like_video(bad));
}

TEST_CASE("a server answers to addresses, localhost, and names it was given") {
  for (auto* host : {"127.0.0.1", "127.0.0.1:8080", "[::1]:8080", "192.168.1.7",
                     "localhost:1", "LocalHost"})
    CHECK(is_own_host(host, {}));
  for (auto* host :
       {"", "evil.example", "localhost.evil.example", "127.0.0.1.nip",
        "localhost:x", "localhost:", "[::1", "a@localhost"})
    CHECK_FALSE(is_own_host(host, {}));
  CHECK(is_own_host("Studio.example:80", {"studio.example"}));
}

TEST_CASE("an origin is the same by scheme, host and port") {
  CHECK(is_same_origin("http://localhost:80", "localhost:80"));
  CHECK(is_same_origin("https://Studio.example", "studio.example"));
  for (auto* origin :
       {"", "null", "http://", "localhost:80", "ftp://localhost:80",
        "http://localhost:81", "http://localhost:80/",
        "http://localhost:80.evil.example"})
    CHECK_FALSE(is_same_origin(origin, "localhost:80"));
  CHECK_FALSE(is_same_origin("http://", ""));
}

TEST_CASE("the distance of thumbnails doubles each time that many are kept") {
  thinning which{3};
  std::string kept;
  for (int i = 0; i < 22; ++i)
    kept += which.keep() ? 'x' : '.';
  CHECK(kept == "xxx.x.x.x...x...x...x.");
}

TEST_CASE(
  "there are as many connections as there may be, and none in the end") {
  open_connections open{2};
  int closed = 0;
  auto first = open.enter();
  auto second = open.enter();
  CHECK_FALSE(open.enter());
  second.reset();
  second = open.enter();
  REQUIRE(second);
  std::promise<void> asked;
  first->on_close([&] {
    ++closed;
  });
  second->on_close([&] {
    // Whoever is closed may be gone with that.
    second.reset();
    asked.set_value();
  });
  std::atomic<bool> is_empty = false;
  std::jthread closer{[&] {
    open.close();
    is_empty = true;
  }};
  asked.get_future().wait();
  CHECK_FALSE(open.enter());
  CHECK_FALSE(is_empty);
  // One that is on its way from one holder to the next hears of it too.
  first->on_close([&] {
    ++closed;
  });
  CHECK(closed == 2);
  first.reset();
  closer.join();
  CHECK(is_empty);
}
