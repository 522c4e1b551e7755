#include "server/server.hpp"

#include <optional>
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
#include <pthread.h>
#include <signal.h>

#include "server/guard.hpp"

namespace studio {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;

namespace {

constexpr std::uint32_t max_header = 8 * 1024;
constexpr std::uint64_t max_body = 4 * 1024;
constexpr auto patience = std::chrono::seconds{30};

std::string_view view(beast::string_view text) {
  return {text.data(), text.size()};
}

/// What all connections share.
struct served {
  server_options options;
  server_routes routes;
};

/// One connection of HTTP/1.1, request after request, until it becomes a
/// WebSocket or ends.
class http_session : public std::enable_shared_from_this<http_session> {
public:
  http_session(tcp::socket socket,
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
    stream_.expires_after(patience);
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
      stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
      return;
    }
    request_ = parser_->release();
    auto host = view(request_[http::field::host]);
    if (!is_own_host(host, by_.options.hosts))
      return refuse(421, "This is not the server of that name. If it should "
                         "be, start it with --host NAME.");
    if (beast::websocket::is_upgrade(request_))
      return upgraded(host);
    if (request_.method() != http::verb::get)
      return refuse(405, "Only GET is answered here.");
    wait_for_answer();
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

  void refuse(unsigned status, const char* why) {
    must_close_ = true;
    write(failure(status, why));
  }

  template <class Body>
  void fill(http::response<Body>& to, const reply& what) {
    to.result(what.status);
    to.version(request_.version());
    to.set(http::field::server, "studio");
    to.set(http::field::content_type, what.type);
    to.set(http::field::cache_control, what.cache);
    for (auto& [name, value] : security_headers())
      to.set(name, value);
    to.keep_alive(request_.keep_alive() && !must_close_);
  }

  void write(reply what) {
    stream_.expires_after(patience);
    if (!what.file.empty())
      return write_file(what);
    auto response = std::make_shared<http::response<http::string_body>>();
    response->body() =
      what.text.empty() ? std::string{what.constant} : std::move(what.text);
    fill(*response, what);
    response->prepare_payload();
    send(std::move(response));
  }

  void write_file(const reply& what) {
    auto response = std::make_shared<http::response<http::file_body>>();
    beast::error_code ec;
    response->body().open(what.file.c_str(), beast::file_mode::scan, ec);
    if (ec)
      return write(failure(404, "It is not there any more."));
    fill(*response, what);
    response->prepare_payload();
    send(std::move(response));
  }

  template <class Response>
  void send(std::shared_ptr<Response> response) {
    auto done = [self = shared_from_this(),
                 response](const beast::error_code& ec, std::size_t) {
      if (ec)
        return;
      if (response->need_eof()) {
        beast::error_code ignored;
        self->stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
        return;
      }
      self->read();
    };
    http::async_write(stream_, *response, std::move(done));
  }

  std::unique_ptr<open_connections::ticket> ticket_;
  beast::tcp_stream stream_;
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
      threads_.emplace_back([this] {
        run();
      });
  }

  ~impl() {
    open_.close();
    io_.stop();
    for (auto& each : threads_)
      each.join();
  }

  std::string url() const {
    auto end = acceptor_.local_endpoint();
    return end.address().is_v6()
             ? fmt::format("http://[{}]:{}/", end.address().to_string(),
                           end.port())
             : fmt::format("http://{}:{}/", end.address().to_string(),
                           end.port());
  }

private:
  void run() {
    // Signals are for the program's own threads.
    sigset_t blocked;
    sigfillset(&blocked);
    for (int fault :
         {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS})
      sigdelset(&blocked, fault);
    pthread_sigmask(SIG_SETMASK, &blocked, nullptr);
    pthread_setname_np(pthread_self(), "studio.http");
    io_.run();
  }

  void listen() {
    auto& options = served_.options;
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
        "cannot listen on {} port {}: {}; --port 0 takes any that is free",
        options.address, options.port, ec.message())};
  }

  void accept() {
    acceptor_.async_accept(
      asio::make_strand(io_),
      [this](const beast::error_code& ec, tcp::socket socket) {
        if (ec == asio::error::operation_aborted)
          return;
        // Out of descriptors: one that is closed makes room.
        if (ec)
          return accept_later();
        if (auto ticket = open_.enter()) {
          beast::error_code ignored;
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
  tcp::acceptor acceptor_;
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

} // namespace studio
