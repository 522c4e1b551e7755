/// A connection that carries server-sent events.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include "web/byte_stream.hpp"
#include "web/event_feed.hpp"
#include "web/open_connections.hpp"

namespace web {

/// Tells a browser the news of a feed until either leaves. A browser that does
/// not take them within `patience` is left. While nothing is new, a comment every
/// 15 s keeps the connection from looking idle.
class event_stream final : public event_feed::listener,
                           public std::enable_shared_from_this<event_stream> {
public:
  event_stream(byte_stream&& stream, event_feed& feed,
               std::chrono::steady_clock::duration patience);

  /// @param head the answer's status line and headers, as they are sent
  void run(std::string head, std::unique_ptr<open_connections::ticket> ticket);

  void rung() override;

private:
  void begin(std::string head);
  void read();
  void tell();
  void write(std::string text);
  void rest();
  void leave();

  template <class F>
  void post(F what);

  std::unique_ptr<open_connections::ticket> ticket_;
  byte_stream stream_;
  event_feed& feed_;
  const std::chrono::steady_clock::duration patience_;
  boost::asio::steady_timer pause_;
  char ignored_[64] = {};
  std::uint64_t told_ = 0;
  std::string writing_;
  bool is_writing_ = false;
  bool is_over_ = false;
};

} // namespace web
