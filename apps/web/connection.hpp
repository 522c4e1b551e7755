/// A WebSocket.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "web/byte_stream.hpp"
#include "web/open_connections.hpp"

namespace web {

using http_request =
  boost::beast::http::request<boost::beast::http::string_body>;

/// A WebSocket whose request has been accepted. It reads always, so that it is
/// known at once when the browser leaves; how much comes is for the protocol to
/// bound. What is sent waits in a queue with a bound; a browser that does not
/// take it is left.
///
/// What is protected is called on the strand of the connection; the rest is
/// thread-safe.
class connection : public std::enable_shared_from_this<connection> {
public:
  /// @param max_message longest message that the browser may send, in bytes
  connection(byte_stream&& stream, std::size_t max_message);

  virtual ~connection() = default;

  /// Answers the request for a WebSocket, and begins.
  void run(const http_request& request,
           std::unique_ptr<open_connections::ticket> ticket);

  void send_text(std::string text);

  /// A binary message: the length of `text` in 4 bytes, the first one being the
  /// highest, then `text`, then `bytes`.
  void send_both(const std::string& text, const std::vector<char>& bytes);

  /// Sends what is queued, and closes.
  void close();

protected:
  /// The connection is open.
  virtual void opened() = 0;

  virtual void received_text(std::string_view text) = 0;

  virtual void received_bytes(std::string_view bytes) = 0;

  /// The strand.
  boost::asio::any_io_executor executor();

  /// On the strand, later.
  void post(std::function<void()> what);

private:
  struct message {
    std::string bytes;
    bool is_text;
  };

  void send(message what);
  void enqueue(message what);
  void read();
  void write();
  void close_if_sent();

  void leave();

  std::unique_ptr<open_connections::ticket> ticket_;
  boost::beast::websocket::stream<byte_stream> stream_;
  boost::beast::flat_buffer buffer_;
  std::deque<message> queue_;
  std::size_t queued_bytes_ = 0;
  bool is_writing_ = false;
  bool is_closing_ = false;
  bool is_over_ = false;
};

} // namespace web
