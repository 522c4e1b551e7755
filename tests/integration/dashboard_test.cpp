/// The admin page, as browsers and others see it.
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <set>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <flame/dashboard.hpp>
#include <nlohmann/json.hpp>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/actors.hpp"
#include "support/processes.hpp"
#include "web/server.hpp"

using namespace std::chrono_literals;
using namespace tests;

namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;

using json = nlohmann::json;
using tcp = asio::ip::tcp;
using unix_domain = asio::local::stream_protocol;

std::uint16_t port_of(const std::string& url) {
  return static_cast<std::uint16_t>(std::stoul(url.substr(url.rfind(':') + 1)));
}

/// The other end of a server. What it waits for has to come within a generous
/// time, by a limit of the socket itself.
class client {
public:
  explicit client(const std::string& url) : socket_(io_) {
    if (url.starts_with("unix:"))
      socket_.connect(unix_domain::endpoint{url.substr(5)});
    else
      socket_.connect(
        tcp::endpoint{asio::ip::address_v4::loopback(), port_of(url)});
    timeval limit{20, 0};
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit,
                 sizeof(limit));
  }

  void send(const std::string& text) {
    // The other end may have gone; whoever reads learns it.
    boost::system::error_code ignored;
    asio::write(socket_, asio::buffer(text), ignored);
  }

  void get(const std::string& target, const std::string& host = "localhost",
           const std::string& method = "GET") {
    send(method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
  }

  /// Up to and with `end`; empty if the connection ends before.
  std::string until(const std::string& end) {
    for (std::size_t seen = 0;;) {
      auto from = seen < end.size() ? 0 : seen - end.size();
      if (auto at = text_.find(end, from); at != text_.npos) {
        auto result = text_.substr(0, at + end.size());
        text_.erase(0, result.size());
        return result;
      }
      seen = text_.size();
      if (!more())
        return {};
    }
  }

  /// All that comes before the connection ends.
  std::string rest() {
    while (more())
      continue;
    return std::exchange(text_, {});
  }

  /// The next event, without comments between.
  json event() {
    for (;;) {
      auto text = until("\n\n");
      REQUIRE_FALSE(text.empty());
      if (text.starts_with("data: "))
        return json::parse(text.substr(6));
    }
  }

  /// The first event for which `is_wanted` holds.
  template <class F>
  json event_where(F is_wanted) {
    for (auto deadline = std::chrono::steady_clock::now() + 20s;
         std::chrono::steady_clock::now() < deadline;)
      if (auto next = event(); is_wanted(next))
        return next;
    FAIL("no such event");
    return {};
  }

private:
  bool more() {
    char bytes[64 * 1024];
    auto count = ::recv(socket_.native_handle(), bytes, sizeof(bytes), 0);
    if (count < 0 && errno == EINTR)
      return true;
    if (count < 0 && errno == EAGAIN)
      FAIL("nothing came");
    if (count <= 0)
      return false;
    text_.append(bytes, static_cast<std::size_t>(count));
    return true;
  }

  asio::io_context io_;
  asio::generic::stream_protocol::socket socket_;
  std::string text_;
};

/// Headers and body of one answer.
std::string answer(const std::string& url, const std::string& target,
                   const std::string& host = "localhost",
                   const std::string& method = "GET") {
  client asking{url};
  asking.send(method + " " + target + " HTTP/1.1\r\nHost: " + host
              + "\r\nConnection: close\r\n\r\n");
  return asking.rest();
}

json body_of(const std::string& text) {
  return json::parse(text.substr(text.find("\r\n\r\n") + 4));
}

json state_of(const std::string& url) {
  return body_of(answer(url, "/state.json"));
}

const json* find_pool(const json& state, const std::string& name) {
  for (auto& each : state["pools"])
    if (each["name"] == name)
      return &each;
  return nullptr;
}

/// The sum of a column of a pool's rows.
std::uint64_t total(const json& state, const json& pool,
                    const std::string& column) {
  std::size_t at = 0;
  while (state["columns"].at(at) != column)
    ++at;
  std::uint64_t result = 0;
  for (auto& row : pool["rows"])
    result += row[at].get<std::uint64_t>();
  return result;
}

/// A listening feed of its own, without a node.
web::server_routes feeding(web::event_feed& feed) {
  return {.page =
            [](std::string_view, const web::responder& respond) {
              respond(web::failure(404, "no page"));
            },
          .events = {{"/events", &feed}}};
}

class temporary_directory {
public:
  temporary_directory() {
    auto name = (fs::temp_directory_path() / "flame-dash-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()));
    path_ = name;
  }

  ~temporary_directory() {
    fs::remove_all(path_);
  }

  std::string operator/(const std::string& name) const {
    return (path_ / name).string();
  }

private:
  fs::path path_;
};

mode_t mode_of(const std::string& path) {
  struct stat found {};
  REQUIRE(::lstat(path.c_str(), &found) == 0);
  return found.st_mode;
}

int doubled(int x) {
  return 2 * x;
}

caf::behavior sleeper(caf::event_based_actor*) {
  return {[](caf::unit_t) {}};
}

} // namespace

void tests::configure(flame::node_options&) {
  // nop
}

// -- where it listens ---------------------------------------------------------

TEST_CASE("an address that others could reach is refused, and why") {
  for (auto* listen : {"0.0.0.0:0", "10.1.2.3:0", "[::]:0", "8.8.8.8:80",
                       "169.254.1.1:1", "[::ffff:10.0.0.1]:0", "[fe80::1]:0"}) {
    CAPTURE(listen);
    auto error = failure_of([&] {
      flame::dashboard{node(), {.listen = listen}};
    });
    CHECK(error.code() == flame::errc::invalid_configuration);
    CHECK(std::string{error.what()}.find("others could reach it")
          != std::string::npos);
    CHECK(std::string{error.what()}.find(listen) != std::string::npos);
  }
}

TEST_CASE("what is no address is refused") {
  for (auto* listen :
       {"", ":", ":9090", "9090", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x",
        "127.0.0.1:65536", "127.0.0.1:-1", "127.1:0", "0x7f.0.0.1:0",
        "example.org:80", "localhost.example.org:80", "::1:0", "[127.0.0.1]:0",
        "[::1:0", "unix:", "http://127.0.0.1:0"}) {
    CAPTURE(listen);
    CHECK(failure_of([&] {
            flame::dashboard{node(), {.listen = listen}};
          }).code()
          == flame::errc::invalid_configuration);
  }
}

TEST_CASE("options out of their range are refused") {
  for (auto& options :
       std::vector<flame::dashboard_options>{{.every = 1ms},
                                             {.every = 1h},
                                             {.max_connections = 0},
                                             {.patience = 0s}})
    CHECK(failure_of([&] {
            flame::dashboard{node(), options};
          }).code()
          == flame::errc::invalid_configuration);
}

TEST_CASE("it listens on this machine, at the address that it says") {
  for (auto* listen : {"127.0.0.1:0", "localhost:0", "127.9.9.9:0"}) {
    flame::dashboard page{node(), {.listen = listen}};
    CHECK(page.url().starts_with("http://127."));
    CHECK(port_of(page.url()) != 0);
  }
  for (auto& socket : reachable_sockets(::getpid()))
    CHECK(socket.find(" 00000000:") == std::string::npos);
}

TEST_CASE("an address that is taken is an error that says so") {
  flame::dashboard first{node()};
  auto port = std::to_string(port_of(first.url()));
  auto error = failure_of([&] {
    flame::dashboard second{node(), {.listen = "127.0.0.1:" + port}};
  });
  CHECK(error.code() == flame::errc::out_of_resources);
  CHECK(std::string{error.what()}.find(port) != std::string::npos);
}

TEST_CASE("a unix socket is for its owner alone, and goes with the dashboard") {
  temporary_directory directory;
  auto path = directory / "page.sock";
  auto before = ::umask(0);
  {
    flame::dashboard page{node(), {.listen = "unix:" + path}};
    CHECK(page.url() == "unix:" + path);
    CHECK(mode_of(path) == (S_IFSOCK | 0600));
    CHECK(answer(page.url(), "/").starts_with("HTTP/1.1 200 "));
    CHECK(state_of(page.url())["schema"] == 1);
  }
  ::umask(before);
  CHECK_FALSE(fs::exists(path));
  CHECK(fs::is_empty(directory / ""));
}

TEST_CASE("a socket that nobody listens on is replaced, others are not") {
  temporary_directory directory;
  auto path = directory / "page.sock";
  auto listen = "unix:" + path;
  {
    asio::io_context io;
    // It leaves its file behind.
    unix_domain::acceptor stale{io, unix_domain::endpoint{path}};
  }
  REQUIRE(fs::exists(path));
  flame::dashboard page{node(), {.listen = listen}};
  CHECK(answer(listen, "/").starts_with("HTTP/1.1 200 "));
  auto error = failure_of([&] {
    flame::dashboard second{node(), {.listen = listen}};
  });
  CHECK(error.code() == flame::errc::out_of_resources);
  CHECK(std::string{error.what()}.find("listens there already")
        != std::string::npos);
  // The first one is as it was.
  CHECK(answer(listen, "/").starts_with("HTTP/1.1 200 "));
}

TEST_CASE("what is no socket is left alone") {
  temporary_directory directory;
  auto path = directory / "diary";
  std::ofstream{path} << "dear diary";
  CHECK(failure_of([&] {
          flame::dashboard{node(), {.listen = "unix:" + path}};
        }).code()
        == flame::errc::out_of_resources);
  CHECK(fs::file_size(path) == 10);
  fs::create_symlink(path, directory / "link");
  CHECK_THROWS_AS(
    (flame::dashboard{node(), {.listen = "unix:" + (directory / "link")}}),
    flame::call_error);
  CHECK_THROWS_AS(
    (flame::dashboard{node(),
                      {.listen = "unix:" + (directory / "none/page.sock")}}),
    flame::call_error);
  CHECK_THROWS_AS(
    (flame::dashboard{
      node(), {.listen = "unix:" + (directory / std::string(108, 'x'))}}),
    flame::call_error);
}

TEST_CASE("a socket that has taken its place is not removed") {
  temporary_directory directory;
  auto path = directory / "page.sock";
  asio::io_context io;
  unix_domain::acceptor other{io};
  {
    flame::dashboard page{node(), {.listen = "unix:" + path}};
    fs::remove(path);
    other = unix_domain::acceptor{io, unix_domain::endpoint{path}};
  }
  CHECK(fs::exists(path));
}

// -- what it answers ----------------------------------------------------------

TEST_CASE("requests by the name of another host are refused") {
  flame::dashboard page{node()};
  for (auto* host : {"evil.example", "evil.example:80",
                     "localhost.evil.example", "127.0.0.1.evil.example", ""})
    for (auto* target : {"/", "/state.json", "/events"}) {
      CAPTURE(host);
      CHECK(answer(page.url(), target, host).starts_with("HTTP/1.1 421 "));
    }
  for (auto* host : {"localhost", "LOCALHOST:9090", "127.0.0.1", "[::1]:9090"})
    CHECK(answer(page.url(), "/", host).starts_with("HTTP/1.1 200 "));
}

TEST_CASE("it is only read from") {
  flame::dashboard page{node()};
  for (auto* method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH"}) {
    auto text = answer(page.url(), "/", "localhost", method);
    CHECK(text.starts_with("HTTP/1.1 405 "));
    CHECK(text.find("Allow: GET, HEAD\r\n") != std::string::npos);
  }
  for (auto* target : {"/", "/state.json", "/events", "/app.js"}) {
    auto text = answer(page.url(), target, "localhost", "HEAD");
    CHECK(text.starts_with("HTTP/1.1 200 "));
    CHECK(text.ends_with("\r\n\r\n"));
  }
  CHECK(answer(page.url(), "/../../etc/passwd").starts_with("HTTP/1.1 404 "));
}

TEST_CASE("each answer says what a page may do, and nothing is inline") {
  flame::dashboard page{node()};
  for (auto* target : {"/", "/app.js", "/state.json", "/nothing"}) {
    auto text = answer(page.url(), target);
    for (auto* header :
         {"Content-Security-Policy: default-src 'none'; script-src 'self'; "
          "style-src 'self';",
          "X-Content-Type-Options: nosniff\r\n"})
      CHECK(text.find(header) != std::string::npos);
    CHECK(text.find("unsafe-inline") == std::string::npos);
  }
  auto text = answer(page.url(), "/");
  CHECK(text.find("<script>") == std::string::npos);
  CHECK(text.find("style=") == std::string::npos);
  CHECK(text.find("onclick") == std::string::npos);
  // All that it asks for is there.
  for (auto* file : {"/style.css", "/favicon.svg", "/app.js", "/charts.js",
                     "/dom.js", "/format.js", "/pools.js", "/tree.js"})
    CHECK(answer(page.url(), file).starts_with("HTTP/1.1 200 "));
}

TEST_CASE("headers have a bound, and so has the time that they take") {
  flame::dashboard page{node(), {.patience = 300ms}};
  client large{page.url()};
  large.send("GET / HTTP/1.1\r\nHost: localhost\r\nX: "
             + std::string(9000, 'x'));
  CHECK(large.rest().starts_with("HTTP/1.1 413 "));
  client slow{page.url()};
  slow.send("GET / HTTP/1.1\r\nHo");
  CHECK(slow.rest().empty());
  client silent{page.url()};
  CHECK(silent.rest().empty());
  // After an answer, too.
  client idle{page.url()};
  idle.get("/favicon.svg");
  CHECK(idle.rest().starts_with("HTTP/1.1 200 "));
}

TEST_CASE("there are as many connections as there may be, and no more") {
  flame::dashboard page{node(), {.max_connections = 2}};
  client first{page.url()};
  first.get("/events");
  first.event();
  {
    client second{page.url()};
    second.get("/events");
    second.event();
    CHECK(answer(page.url(), "/favicon.svg").empty());
    first.event();
  }
  CHECK(eventually([&] {
    client next{page.url()};
    next.get("/favicon.svg");
    return !next.until("\r\n\r\n").empty();
  }));
}

// -- what it shows ------------------------------------------------------------

TEST_CASE("a node without pools has a page, and pools appear in it") {
  flame::dashboard page{node(), {.every = 100ms}};
  auto state = state_of(page.url());
  CHECK(state["schema"] == 1);
  CHECK(state["node"]["pid"] == ::getpid());
  CHECK(state["tree"]["kind"] == "node");
  client seen{page.url()};
  seen.get("/events");
  auto head = seen.until("\r\n\r\n");
  CHECK(head.starts_with("HTTP/1.1 200 "));
  CHECK(head.find("Content-Type: text/event-stream\r\n") != std::string::npos);
  CHECK(head.find("Content-Length") == std::string::npos);
  CHECK(seen.until("\n\n").starts_with("retry: "));
  auto first = seen.event();
  CHECK(first["since"] == 0);
  auto pool = new_pool("local", {.max = 1});
  CHECK_FALSE(find_pool(first, pool.name()));
  auto with = seen.event_where([&](const json& now) {
    return find_pool(now, pool.name()) != nullptr;
  });
  CHECK(with["since"] > 0);
  auto& found = *find_pool(with, pool.name());
  CHECK(found["backend"] == "local");
  CHECK(found["min"] == pool.options().min);
  CHECK(found["max"] == 1);
  CHECK(found["latency"]["p50_us"].is_null());
}

TEST_CASE("the events tell of a boot, a call under way, and its end") {
  flame::dashboard page{node(), {.every = 100ms}};
  auto pool = new_pool("process", {.max = 1, .max_concurrency = 2});
  client seen{page.url()};
  seen.get("/events");
  std::set<std::string> states;
  std::uint64_t succeeded = 0;
  auto last = seen.event_where([&](const json& state) {
    return find_pool(state, pool.name()) != nullptr;
  });
  CHECK(find_pool(last, pool.name())->at("runners").empty());
  auto stream =
    flame::stream(pool, [](flame::emitter<int>& out, flame::source<int>& in) {
      for (int each : in)
        out(each);
    });
  auto busy = seen.event_where([&](const json& state) {
    auto& now = *find_pool(state, pool.name());
    return !now["runners"].empty() && now["runners"][0]["state"] == "busy";
  });
  auto& runner = find_pool(busy, pool.name())->at("runners")[0];
  CHECK(runner["name"] == pool.name() + "-1");
  CHECK(runner["pid"] == pool.runners().at(0).pid);
  CHECK(runner["in_use"] == 1);
  CHECK(runner["slots"] == 2);
  CHECK(find_pool(busy, pool.name())->at("calls")["under_way"] == 1);
  stream.end_input();
  stream.result();
  auto over = seen.event_where([&](const json& state) {
    auto& now = *find_pool(state, pool.name());
    succeeded += total(state, now, "succeeded");
    return now["calls"]["succeeded"] == 1;
  });
  CHECK(succeeded == 1);
  auto& end = *find_pool(over, pool.name());
  CHECK(end["calls"]["under_way"] == 0);
  CHECK(end["latency"]["count"] == 1);
  CHECK(end["latency"]["p50_us"] > 0);
  CHECK(end["boot"]["count"] == 1);
  CHECK(end["boot"]["p50_us"] > 0);
}

TEST_CASE("failed calls stand by their cause, and a lost runner is counted") {
  auto pool = new_pool("process", {.max = 1});
  flame::dashboard page{node(), {.every = 100ms}};
  failure_of([&] {
    flame::call(pool, [] {
      throw std::runtime_error{"no"};
    });
  });
  failure_of([&] {
    flame::call(pool, [] {
      ::raise(SIGKILL);
    });
  });
  client seen{page.url()};
  seen.get("/events");
  auto state = seen.event_where([&](const json& now) {
    return find_pool(now, pool.name())->at("ever")["lost"] == 1;
  });
  CHECK(find_pool(state, pool.name())->at("calls")["failed"]
        == json{{"remote_exception", 1}, {"runner_lost", 1}});
}

TEST_CASE("what happened before the dashboard is counted, and not plotted") {
  auto pool = new_pool("local", {.max = 1});
  for (int i = 0; i < 5; ++i)
    flame::call(pool, doubled, i);
  flame::dashboard page{node(), {.every = 100ms}};
  auto state = state_of(page.url());
  auto& found = *find_pool(state, pool.name());
  CHECK(found["calls"]["succeeded"] == 5);
  CHECK(total(state, found, "succeeded") == 0);
  CHECK(found["latency"]["count"] == 0);
}

TEST_CASE("the tree has supervisors with their restarts") {
  auto above = flame::spawn_supervisor(
    node().system(),
    {.name = "meadow",
     .children = {{.id = "sleeper", .start = flame::here(sleeper)}}});
  flame::dashboard page{node(), {.every = 100ms}};
  client seen{page.url()};
  seen.get("/events");
  auto sleeper_in = [](const json& state) -> json {
    for (auto& each : state["tree"]["children"])
      if (each["name"] == "meadow" && !each["children"].empty())
        return each["children"][0];
    return {};
  };
  auto state = seen.event_where([&](const json& now) {
    return !sleeper_in(now).is_null();
  });
  CHECK(sleeper_in(state)["restarts"] == 0);
  CHECK(sleeper_in(state)["state"] == "running");
  caf::anon_send_exit(above.child("sleeper").now(), caf::exit_reason::kill);
  state = seen.event_where([&](const json& now) {
    return sleeper_in(now).value("restarts", 0) == 1;
  });
  CHECK(sleeper_in(state)["name"] == "sleeper");
  above.shutdown();
}

TEST_CASE("two who listen are told the same, each from its own beginning") {
  auto pool = new_pool("local", {.max = 1});
  flame::dashboard page{node(), {.every = 100ms}};
  client first{page.url()};
  first.get("/events");
  first.event();
  first.event();
  client second{page.url()};
  second.get("/events");
  auto later = second.event();
  CHECK(later["since"] == 0);
  // All that there was, and each look once.
  CHECK(find_pool(later, pool.name())->at("rows").size()
        == later["look"].get<std::size_t>());
  for (auto* each : {&first, &second}) {
    auto one = each->event();
    auto next = each->event();
    CHECK(next["since"] == one["look"]);
    CHECK(find_pool(next, pool.name())->at("rows").size()
          == next["look"].get<std::size_t>()
               - next["since"].get<std::size_t>());
  }
}

TEST_CASE("it ends within a second while others are connected") {
  std::optional<flame::dashboard> page{std::in_place, node()};
  client listening{page->url()};
  listening.get("/events");
  listening.event();
  client stuck{page->url()};
  stuck.get("/events");
  client silent{page->url()};
  client half{page->url()};
  half.send("GET / HT");
  auto begin = std::chrono::steady_clock::now();
  page.reset();
  CHECK(std::chrono::steady_clock::now() - begin < 1s);
  while (!listening.until("\n\n").empty())
    continue;
  CHECK(silent.rest().empty());
}

TEST_CASE("a name that is no UTF-8 is shown all the same") {
  flame::dashboard page{node(), {.every = 100ms}};
  auto above = flame::spawn_supervisor(node().system(), {.name = "a\xff\nz"});
  client seen{page.url()};
  seen.get("/events");
  seen.event_where([](const json& state) {
    for (auto& each : state["tree"]["children"])
      if (each["name"] == "a\xef\xbf\xbd\nz")
        return true;
    return false;
  });
  above.shutdown();
}

// -- events, by themselves ----------------------------------------------------

TEST_CASE("who is slow holds nobody else, and no memory") {
  constexpr std::size_t size = 512 * 1024;
  constexpr std::uint64_t rounds = 100;
  std::atomic<std::uint64_t> latest = 1;
  std::atomic<std::uint64_t> texts = 0;
  web::event_feed feed{[&](std::uint64_t& told) -> std::string {
    auto now = latest.load();
    if (told == now)
      return {};
    told = now;
    ++texts;
    return "data: " + std::to_string(now) + ' ' + std::string(size, 'x')
           + "\n\n";
  }};
  // Less fits into a unix socket than one event.
  temporary_directory directory;
  web::server server{{.path = directory / "events.sock", .patience = 10min},
                     feeding(feed)};
  auto listen = [](client& who) {
    who.get("/events");
    who.until("retry: ");
    who.until("\n\n");
  };
  auto next = [](client& who) {
    auto text = who.until("\n\n");
    REQUIRE(text.starts_with("data: "));
    return std::stoull(text.substr(6, 20));
  };
  client slow{server.url()};
  listen(slow);
  client quick{server.url()};
  listen(quick);
  CHECK(next(quick) == 1);
  auto before = resident_kib();
  for (std::uint64_t i = 2; i <= rounds; ++i) {
    latest = i;
    feed.ring();
    CHECK(next(quick) == i);
  }
  CHECK(resident_kib() < before + 16 * 1024);
  // One for each, and what the slow one has not taken yet.
  CHECK(texts < rounds + 10);
  // It is told what is so now, not all that was.
  std::uint64_t heard = 0;
  for (std::uint64_t last = 0; last < rounds; ++heard)
    last = next(slow);
  CHECK(heard < 10);
}

TEST_CASE("who takes nothing is left") {
  std::atomic<std::uint64_t> latest = 1;
  web::event_feed feed{[&](std::uint64_t& told) {
    told = latest;
    return "data: " + std::string(1 << 20, 'x') + "\n\n";
  }};
  temporary_directory directory;
  web::server server{{.path = directory / "events.sock", .patience = 200ms},
                     feeding(feed)};
  client stuck{server.url()};
  stuck.get("/events");
  stuck.until("retry");
  CHECK(feed.has_listeners());
  CHECK(eventually([&] {
    return !feed.has_listeners();
  }));
}

TEST_CASE("who leaves is forgotten at once") {
  web::event_feed feed{[](std::uint64_t&) {
    return std::string{};
  }};
  web::server server{{.port = 0}, feeding(feed)};
  {
    client leaving{server.url()};
    leaving.get("/events");
    leaving.until("\n\n");
    CHECK(feed.has_listeners());
  }
  CHECK(eventually([&] {
    return !feed.has_listeners();
  }));
}

TEST_CASE("who leaves while it is being told is forgotten at once, too") {
  web::event_feed feed{[](std::uint64_t&) {
    return std::string{"data: x\n\n"};
  }};
  web::server server{{.port = 0}, feeding(feed)};
  for (int i = 0; i < 200; ++i) {
    client leaving{server.url()};
    leaving.get("/events");
    CHECK(leaving.until("data: x\n\n").size() > 0);
  }
  CHECK(eventually([&] {
    return !feed.has_listeners();
  }));
}
