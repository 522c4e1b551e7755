/// What tests of the program `studio` need: the program, and a browser's side of
/// its WebSockets.
#pragma once

#include <atomic>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>

#include "support/media_programs.hpp"

namespace studio_test {

using namespace tests;

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;

using tcp = asio::ip::tcp;
using response = http::response<http::string_body>;

/// The program, with all that it keeps in a directory of its own.
class studio_program {
public:
  explicit studio_program(std::vector<std::string> more = {},
                          variables changes = {})
    : program_(command(std::move(more)), with_directory(std::move(changes))) {
    auto line = program_.next_line();
    REQUIRE_MESSAGE(line, "it does not start; errors: ", program_.errors());
    auto colon = line->rfind(':');
    REQUIRE(line->starts_with("studio: http://127.0.0.1:"));
    port = static_cast<std::uint16_t>(std::stoul(line->substr(colon + 1)));
  }

  int pid() const {
    return program_.pid();
  }

  /// Ends it, as a shell's `kill` does.
  int stop() {
    program_.signal(SIGTERM);
    return program_.wait();
  }

  std::string errors() const {
    return program_.errors();
  }

  /// The next line that it writes; nothing once it has ended.
  std::optional<std::string> next_line() {
    return program_.next_line();
  }

  /// What is in its temporary directory.
  std::size_t files_left() const {
    return static_cast<std::size_t>(
      std::distance(fs::directory_iterator{fs::path{directory_ / ""}}, {}));
  }

  std::uint16_t port = 0;

private:
  static std::vector<std::string> command(std::vector<std::string> more) {
    more.insert(more.begin(), {STUDIO_PROGRAM, "--port", "0"});
    return more;
  }

  variables with_directory(variables changes) const {
    changes["TMPDIR"] = directory_ / "";
    return changes;
  }

  temporary_directory directory_;
  program program_;
};

/// The program with arguments by which it has to end at once. Where it does not,
/// nothing of it is left all the same.
class failed_start {
public:
  explicit failed_start(std::vector<std::string> arguments)
    : program_(command(std::move(arguments)), {{"TMPDIR", directory_ / ""}}),
      status(program_.wait()) {
    // nop
  }

  std::string errors() const {
    return program_.errors();
  }

private:
  static std::vector<std::string> command(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), STUDIO_PROGRAM);
    return arguments;
  }

  temporary_directory directory_;
  program program_;

public:
  const int status;
};

/// Its processes of this name.
inline std::vector<int> processes_of(const studio_program& it,
                                     const std::string& name) {
  std::vector<int> result;
  for (auto& each : descendants(it.pid()))
    if (each.name == name && each.state != 'Z')
      result.push_back(each.pid);
  return result;
}

/// A request as it is, without any attempt to make it valid.
inline response request(std::uint16_t port, const std::string& target,
                        http::verb method = http::verb::get,
                        const std::string& host = "localhost") {
  asio::io_context io;
  beast::tcp_stream stream{io};
  stream.connect(tcp::endpoint{asio::ip::address_v4::loopback(), port});
  http::request<http::empty_body> ask{method, target, 11};
  ask.set(http::field::host, host);
  http::write(stream, ask);
  beast::flat_buffer buffer;
  response answer;
  http::read(stream, buffer, answer);
  return answer;
}

/// What a WebSocket brought: an event, and a picture with it or none.
struct message {
  json event;
  std::string picture;
};

/// A WebSocket of a page.
class page_socket {
public:
  page_socket(std::uint16_t port, const std::string& path,
              std::optional<std::string> origin = std::nullopt)
    : socket_(io_) {
    auto host = "127.0.0.1:" + std::to_string(port);
    beast::get_lowest_layer(socket_).connect(
      tcp::endpoint{asio::ip::address_v4::loopback(), port});
    auto from = origin.value_or("http://" + host);
    socket_.set_option(
      websocket::stream_base::decorator{[from](websocket::request_type& ask) {
        if (!from.empty())
          ask.set(http::field::origin, from);
      }});
    socket_.read_message_max(64 << 20);
    error = complete([&](auto done) {
      socket_.async_handshake(answer, host, path, std::move(done));
    });
  }

  void send(const json& what) {
    socket_.text(true);
    write(what.dump());
  }

  void send(std::string_view bytes) {
    socket_.binary(true);
    write(bytes);
  }

  /// The next message; nothing once the other side has closed, or out of time.
  std::optional<message> next() {
    beast::flat_buffer buffer;
    if (complete([&](auto done) {
          socket_.async_read(buffer,
                             [done](const beast::error_code& ec, std::size_t) {
                               done(ec);
                             });
        }))
      return std::nullopt;
    auto text = beast::buffers_to_string(buffer.data());
    if (socket_.got_text())
      return message{json::parse(text), {}};
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i)
      length = length << 8 | static_cast<unsigned char>(text.at(i));
    return message{json::parse(text.substr(4, length)),
                   text.substr(4 + length)};
  }

  /// The next message that fulfils a condition.
  template <class F>
  message next_that(F condition) {
    while (auto got = next())
      if (condition(got->event))
        return *got;
    FAIL("what was expected does not come");
    return {};
  }

  response answer;
  beast::error_code error;

private:
  void write(std::string_view bytes) {
    auto ec = complete([&](auto done) {
      socket_.async_write(asio::buffer(bytes.data(), bytes.size()),
                          [done](const beast::error_code& how, std::size_t) {
                            done(how);
                          });
    });
    REQUIRE_MESSAGE(!ec, ec.message());
  }

  /// Waits for an operation.
  template <class F>
  beast::error_code complete(F start) {
    std::optional<beast::error_code> result;
    start([&](const beast::error_code& ec) {
      result = ec;
    });
    io_.restart();
    io_.run_for(bound);
    REQUIRE_MESSAGE(result, "nothing comes");
    return *result;
  }

  asio::io_context io_;
  websocket::stream<beast::tcp_stream> socket_;
};

/// A tab that uploads a file.
class upload {
public:
  upload(const studio_program& it, std::string bytes,
         const std::string& name = "video.ts")
    : socket_(it.port, "/upload"),
      bytes_(std::move(bytes)) {
    REQUIRE_FALSE(socket_.error);
    socket_.send(json{{"name", name}, {"size", bytes_.size()}});
  }

  /// Sends all but the last `held_back` bytes, as far as it is allowed at each
  /// time.
  void send(std::size_t held_back = 0) {
    auto end = bytes_.size() - std::min(held_back, bytes_.size());
    while (sent_ < end && !result_) {
      if (sent_ == until_) {
        listen();
        continue;
      }
      auto size = std::min(
        {std::size_t{128 * 1024}, until_ - sent_.load(), end - sent_.load()});
      socket_.send(std::string_view{bytes_}.substr(sent_, size));
      sent_ += size;
    }
  }

  /// How it has ended.
  json result() {
    while (!result_)
      listen();
    return *result_;
  }

  /// By which the studio calls it.
  std::string id() {
    while (id_.empty() && !result_)
      listen();
    return id_;
  }

  std::size_t size() const {
    return bytes_.size();
  }

  /// Bytes. Thread-safe.
  std::size_t sent() const {
    return sent_;
  }

private:
  void listen() {
    auto got = socket_.next();
    REQUIRE(got);
    if (got->event["type"] == "go") {
      until_ = got->event["until"];
      id_ = got->event["id"];
    } else if (got->event["type"] == "end") {
      result_ = got->event;
    }
  }

  page_socket socket_;
  std::string bytes_;
  std::atomic<std::size_t> sent_ = 0;
  std::size_t until_ = 0;
  std::string id_;
  std::optional<json> result_;
};

inline constexpr std::size_t held_back = 64 * 1024;

/// A video of 12 seconds, as a file that can be read from its beginning on.
inline const std::string& stream_video() {
  static temporary_directory directory;
  static auto bytes = [] {
    auto path = directory / "video.ts";
    make_video(path,
               {.size = "640x360", .seconds = "12", .more = {"-g", "25"}});
    return contents(path);
  }();
  REQUIRE(bytes.size() > 4 * held_back);
  return bytes;
}

inline auto is_upload(const std::string& id, const std::string& state) {
  return [=](const json& event) {
    return event["type"] == "upload" && event["id"] == id
           && event["state"] == state;
  };
}

inline auto is_thumbnail(const std::string& id, unsigned attempt = 1) {
  return [=](const json& event) {
    return event["type"] == "thumbnail" && event["upload"] == id
           && event["attempt"] == attempt;
  };
}

inline bool is_pool(const json& event) {
  return event["type"] == "pool";
}

/// A tab that watches from now on.
struct watcher : page_socket {
  explicit watcher(const studio_program& it) : page_socket(it.port, "/live") {
    REQUIRE_FALSE(error);
    // It watches once it has been told of what there is.
    next_that(is_pool);
  }
};

} // namespace studio_test
