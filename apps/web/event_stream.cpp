#include "web/event_stream.hpp"

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

namespace web {

namespace asio = boost::asio;
namespace beast = boost::beast;

namespace {

constexpr auto longest_silence = std::chrono::seconds{15};

/// How long a browser waits before it connects again, in milliseconds.
constexpr const char* come_back = "retry: 2000\n\n";

} // namespace

event_stream::event_stream(byte_stream&& stream, event_feed& feed,
                           std::chrono::steady_clock::duration patience)
  : stream_(std::move(stream)),
    feed_(feed),
    patience_(patience),
    pause_(stream_.get_executor()) {
  // nop
}

template <class F>
void event_stream::post(F what) {
  asio::post(stream_.get_executor(),
             [self = shared_from_this(), what = std::move(what)]() mutable {
               what();
             });
}

void event_stream::run(std::string head,
                       std::unique_ptr<open_connections::ticket> ticket) {
  ticket_ = std::move(ticket);
  ticket_->on_close([weak = weak_from_this()] {
    if (auto self = weak.lock())
      self->post([it = self.get()] {
        it->leave();
      });
  });
  post([this, head = std::move(head)]() mutable {
    begin(std::move(head));
  });
}

void event_stream::rung() {
  post([this] {
    tell();
  });
}

void event_stream::begin(std::string head) {
  if (is_over_)
    return;
  // Here, so that whatever rings from now on is heard.
  feed_.add(weak_from_this());
  stream_.expires_never();
  read();
  write(std::move(head) + come_back + feed_.tell(told_));
}

/// A browser says nothing more; but it leaves.
void event_stream::read() {
  stream_.async_read_some(
    asio::buffer(ignored_),
    [self = shared_from_this()](const beast::error_code&, std::size_t) {
      self->leave();
    });
}

void event_stream::tell() {
  // Once this is written, there is another look.
  if (is_writing_ || is_over_)
    return;
  if (auto text = feed_.tell(told_); !text.empty())
    write(std::move(text));
}

void event_stream::write(std::string text) {
  is_writing_ = true;
  writing_ = std::move(text);
  pause_.cancel();
  // Counts for this: the read that is under way has no limit.
  stream_.expires_after(patience_);
  asio::async_write(
    stream_, asio::buffer(writing_),
    [self = shared_from_this()](const beast::error_code& ec, std::size_t) {
      self->is_writing_ = false;
      // It may have left after all was written and before this is called: then
      // nothing may be begun that would hold this.
      if (ec || self->is_over_)
        return self->leave();
      self->tell();
      if (!self->is_writing_)
        self->rest();
    });
}

void event_stream::rest() {
  writing_ = {};
  pause_.expires_after(longest_silence);
  pause_.async_wait([self = shared_from_this()](const beast::error_code& ec) {
    if (!ec && !self->is_writing_ && !self->is_over_)
      self->write(":\n\n");
  });
}

/// Without a word.
void event_stream::leave() {
  is_over_ = true;
  pause_.cancel();
  stream_.close();
}

} // namespace web
