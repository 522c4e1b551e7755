#include "web/server.hpp"

#include <cstring>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <thread>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <fmt/format.h>

#include "web/event_stream.hpp"
#include "web/guard.hpp"
#include "web/socket_file.hpp"
#include "web/threads.hpp"

namespace web {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;
using any_socket = byte_stream::socket_type;

/// What all connections share.
struct served {
  server_options options;
  server_routes routes;
};

namespace {

constexpr std::uint32_t max_header = 8 * 1024;
constexpr std::uint64_t max_body = 4 * 1024;

std::string_view view(beast::string_view text) {
  return {text.data(), text.size()};
}

/// One connection of HTTP/1.1, request after request, until it becomes a
/// WebSocket or ends.
class http_session : public std::enable_shared_from_this<http_session> {
public:
  http_session(any_socket socket,
               std::unique_ptr<open_connections::ticket> ticket,
               const served& by)
    : ticket_(std::move(ticket)),
      stream_(std::move(socket)),
      by_(by) {
    // nop
  }

  void run() {
    ticket_->on_close([weak = weak_from_this()] {
      if (auto self = weak.lock())
        self->post([it = self.get()] {
          it->stream_.close();
          it->waiting_.reset();
        });
    });
    asio::dispatch(stream_.get_executor(), [self = shared_from_this()] {
      self->read();
    });
  }

private:
  template <class F>
  void post(F what) {
    asio::post(stream_.get_executor(),
               [self = shared_from_this(), what = std::move(what)]() mutable {
                 what();
               });
  }

  void read() {
    parser_.emplace();
    parser_->header_limit(max_header);
    parser_->body_limit(max_body);
    stream_.expires_after(by_.options.patience);
    http::async_read(
      stream_, buffer_, *parser_,
      [self = shared_from_this()](const beast::error_code& ec, std::size_t) {
        self->got(ec);
      });
  }

  void got(const beast::error_code& ec) {
    if (ec == http::error::body_limit || ec == http::error::header_limit)
      return refuse(413, "This request is too large.");
    if (ec) {
      beast::error_code ignored;
      stream_.socket().shutdown(asio::socket_base::shutdown_send, ignored);
      return;
    }
    request_ = parser_->release();
    auto host = view(request_[http::field::host]);
    if (!is_own_host(host, by_.options.hosts))
      return refuse(421, by_.options.wrong_host);
    if (beast::websocket::is_upgrade(request_))
      return upgraded(host);
    if (request_.method() != http::verb::get
        && request_.method() != http::verb::head)
      return refuse(405, "Only GET and HEAD are answered here.");
    for (auto& [path, feed] : by_.routes.events)
      if (view(request_.target()) == path)
        return tell_events(*feed);
    wait_for_answer();
  }

  void tell_events(event_feed& feed) {
    http::response<http::empty_body> response;
    reply what;
    what.type = "text/event-stream";
    fill(response, what);
    // It ends with the connection.
    response.keep_alive(false);
    if (request_.method() == http::verb::head)
      return send(std::make_shared<decltype(response)>(std::move(response)));
    std::ostringstream head;
    head << response.base();
    std::make_shared<event_stream>(std::move(stream_), feed,
                                   by_.options.patience)
      ->run(std::move(head).str(), std::move(ticket_));
  }

  /// An answer may take a while, and it is for nobody once this is closed.
  void wait_for_answer() {
    waiting_ = shared_from_this();
    by_.routes.page(
      view(request_.target()), [weak = weak_from_this()](reply what) {
        if (auto self = weak.lock())
          self->post([it = self.get(), what = std::move(what)]() mutable {
            if (std::exchange(it->waiting_, nullptr))
              it->write(std::move(what));
          });
      });
  }

  void upgraded(std::string_view host) {
    if (!is_same_origin(view(request_[http::field::origin]), host))
      return refuse(403, "WebSockets are for pages of this server only.");
    for (auto& [path, make] : by_.routes.sockets)
      if (view(request_.target()) == path) {
        stream_.expires_never();
        make(std::move(stream_))->run(request_, std::move(ticket_));
        return;
      }
    refuse(404, "There is no such WebSocket.");
  }

  void refuse(unsigned status, std::string why) {
    must_close_ = true;
    write(failure(status, std::move(why)));
  }

  template <class Body>
  void fill(http::response<Body>& to, const reply& what) {
    to.result(what.status);
    to.version(request_.version());
    to.set(http::field::server, by_.options.name);
    if (what.status == 405)
      to.set(http::field::allow, "GET, HEAD");
    to.set(http::field::content_type, what.type);
    to.set(http::field::cache_control, what.cache);
    for (auto& [name, value] : security_headers())
      to.set(name, value);
    to.keep_alive(request_.keep_alive() && !must_close_);
  }

  void write(reply what) {
    stream_.expires_after(by_.options.patience);
    if (!what.file.empty())
      return write_file(what);
    auto response = std::make_shared<http::response<http::string_body>>();
    response->body() =
      what.text.empty() ? std::string{what.constant} : std::move(what.text);
    fill(*response, what);
    response->prepare_payload();
    send_or_head(std::move(response));
  }

  void write_file(const reply& what) {
    auto response = std::make_shared<http::response<http::file_body>>();
    beast::error_code ec;
    response->body().open(what.file.c_str(), beast::file_mode::scan, ec);
    if (ec)
      return write(failure(404, "It is not there any more."));
    fill(*response, what);
    response->prepare_payload();
    send_or_head(std::move(response));
  }

  /// The headers alone, if those were asked for.
  template <class Response>
  void send_or_head(std::shared_ptr<Response> response) {
    if (request_.method() != http::verb::head)
      return send(std::move(response));
    send(std::make_shared<http::response<http::empty_body>>(
      std::move(response->base())));
  }

  template <class Response>
  void send(std::shared_ptr<Response> response) {
    auto done = [self = shared_from_this(),
                 response](const beast::error_code& ec, std::size_t) {
      if (ec)
        return;
      if (response->need_eof()) {
        beast::error_code ignored;
        self->stream_.socket().shutdown(asio::socket_base::shutdown_send,
                                        ignored);
        return;
      }
      self->read();
    };
    http::async_write(stream_, *response, std::move(done));
  }

  std::unique_ptr<open_connections::ticket> ticket_;
  byte_stream stream_;
  const served& by_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  http_request request_;
  bool must_close_ = false;
  /// Itself, while an answer is awaited.
  std::shared_ptr<http_session> waiting_;
};

} // namespace

class server::impl {
public:
  impl(const server_options& options, server_routes routes)
    : served_{options, std::move(routes)},
      open_(options.max_connections),
      io_(static_cast<int>(options.threads)),
      acceptor_(asio::make_strand(io_)),
      pause_(acceptor_.get_executor()) {
    listen();
    accept();
    for (std::size_t i = 0; i < options.threads; ++i)
      threads_.push_back(start_thread(options.name + ".http", [this] {
        io_.run();
      }));
  }

  ~impl() {
    open_.close();
    io_.stop();
    for (auto& each : threads_)
      each.join();
  }

  std::string url() const {
    if (file_)
      return "unix:" + file_->path().string();
    tcp::endpoint end;
    auto any = acceptor_.local_endpoint();
    std::memcpy(end.data(), any.data(), any.size());
    end.resize(any.size());
    return end.address().is_v6()
             ? fmt::format("http://[{}]:{}/", end.address().to_string(),
                           end.port())
             : fmt::format("http://{}:{}/", end.address().to_string(),
                           end.port());
  }

private:
  void listen() {
    auto& options = served_.options;
    if (!options.path.empty())
      file_.emplace(acceptor_, options.path);
    else
      listen_on_address(options);
  }

  void listen_on_address(const server_options& options) {
    beast::error_code ec;
    auto address = asio::ip::make_address(options.address, ec);
    if (ec)
      throw std::runtime_error{
        fmt::format("{} is not an IP address to listen on", options.address)};
    tcp::endpoint end{address, options.port};
    acceptor_.open(end.protocol(), ec);
    if (!ec)
      acceptor_.set_option(asio::socket_base::reuse_address{true}, ec);
    if (!ec)
      acceptor_.bind(end, ec);
    if (!ec)
      acceptor_.listen(asio::socket_base::max_listen_connections, ec);
    if (ec)
      throw std::runtime_error{fmt::format(
        "cannot listen on {} port {}: {}; port 0 takes any that is free",
        options.address, options.port, ec.message())};
  }

  void accept() {
    acceptor_.async_accept(
      asio::make_strand(io_),
      [this](const beast::error_code& ec, any_socket socket) {
        if (ec == asio::error::operation_aborted)
          return;
        // Out of descriptors: one that is closed makes room.
        if (ec)
          return accept_later();
        if (auto ticket = open_.enter()) {
          beast::error_code ignored;
          // Has no effect on unix sockets.
          socket.set_option(tcp::no_delay{true}, ignored);
          std::make_shared<http_session>(std::move(socket), std::move(ticket),
                                         served_)
            ->run();
        }
        accept();
      });
  }

  void accept_later() {
    pause_.expires_after(std::chrono::milliseconds{100});
    pause_.async_wait([this](const beast::error_code& ec) {
      if (!ec)
        accept();
    });
  }

  served served_;
  open_connections open_;
  asio::io_context io_;
  socket_acceptor acceptor_;
  std::optional<socket_file> file_;
  asio::steady_timer pause_;
  std::vector<std::thread> threads_;
};

server::server(const server_options& options, server_routes routes)
  : impl_(std::make_unique<impl>(options, std::move(routes))) {
  // nop
}

server::~server() = default;

std::string server::url() const {
  return impl_->url();
}

} // namespace web
