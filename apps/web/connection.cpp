#include "web/connection.hpp"

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/websocket.hpp>

#include "web/reply.hpp"

namespace web {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;

namespace {

/// More than this waits for no browser.
constexpr std::size_t max_queued = 8 << 20;

} // namespace

connection::connection(byte_stream&& stream, std::size_t max_message)
  : stream_(std::move(stream)) {
  stream_.read_message_max(max_message);
}

void connection::run(const http_request& request,
                     std::unique_ptr<open_connections::ticket> ticket) {
  ticket_ = std::move(ticket);
  ticket_->on_close([weak = weak_from_this()] {
    if (auto self = weak.lock())
      self->post([it = self.get()] {
        it->leave();
      });
  });
  // Beast has its own time limits for WebSockets: it asks a browser that says
  // nothing whether it is there.
  beast::get_lowest_layer(stream_).expires_never();
  auto limits =
    websocket::stream_base::timeout::suggested(beast::role_type::server);
  limits.idle_timeout = std::chrono::seconds{60};
  stream_.set_option(limits);
  stream_.set_option(
    websocket::stream_base::decorator{[](websocket::response_type& response) {
      for (auto& [name, value] : security_headers())
        response.set(name, value);
    }});
  stream_.async_accept(
    request, [self = shared_from_this()](const beast::error_code& ec) {
      if (ec)
        return;
      self->opened();
      self->read();
    });
}

void connection::send_text(std::string text) {
  send({std::move(text), true});
}

void connection::send_both(const std::string& text,
                           const std::vector<char>& bytes) {
  std::string all;
  all.reserve(4 + text.size() + bytes.size());
  for (int shift : {24, 16, 8, 0})
    all.push_back(static_cast<char>(text.size() >> shift & 0xff));
  all += text;
  all.append(bytes.data(), bytes.size());
  send({std::move(all), false});
}

void connection::close() {
  post([this] {
    is_closing_ = true;
    close_if_sent();
  });
}

asio::any_io_executor connection::executor() {
  return stream_.get_executor();
}

void connection::post(std::function<void()> what) {
  asio::post(stream_.get_executor(),
             [self = shared_from_this(), what = std::move(what)] {
               what();
             });
}

void connection::send(message what) {
  asio::dispatch(stream_.get_executor(),
                 [self = shared_from_this(), what = std::move(what)]() mutable {
                   self->enqueue(std::move(what));
                 });
}

void connection::enqueue(message what) {
  if (is_closing_ || is_over_)
    return;
  queued_bytes_ += what.bytes.size();
  if (queued_bytes_ > max_queued)
    return leave();
  queue_.push_back(std::move(what));
  if (!is_writing_)
    write();
}

/// Without a word.
void connection::leave() {
  is_over_ = true;
  beast::get_lowest_layer(stream_).close();
}

void connection::read() {
  stream_.async_read(buffer_, [self = shared_from_this()](
                                const beast::error_code& ec, std::size_t) {
    if (ec) {
      self->is_over_ = true;
      return;
    }
    auto data = self->buffer_.cdata();
    std::string_view bytes{static_cast<const char*>(data.data()), data.size()};
    if (self->stream_.got_text())
      self->received_text(bytes);
    else
      self->received_bytes(bytes);
    self->buffer_.consume(self->buffer_.size());
    self->read();
  });
}

void connection::write() {
  is_writing_ = true;
  auto& next = queue_.front();
  stream_.text(next.is_text);
  stream_.async_write(
    asio::buffer(next.bytes),
    [self = shared_from_this()](const beast::error_code& ec, std::size_t) {
      self->is_writing_ = false;
      if (ec) {
        self->is_over_ = true;
        return;
      }
      self->queued_bytes_ -= self->queue_.front().bytes.size();
      self->queue_.pop_front();
      if (!self->queue_.empty())
        self->write();
      else
        self->close_if_sent();
    });
}

void connection::close_if_sent() {
  if (!is_closing_ || is_writing_ || is_over_)
    return;
  is_over_ = true;
  stream_.async_close(websocket::close_code::normal,
                      [self = shared_from_this()](const beast::error_code&) {});
}

} // namespace web
