/// SIGINT and SIGTERM, as a stop token.
#pragma once

#include <stop_token>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

namespace thumbnails {

/// The exit status of a program that its user has stopped.
inline constexpr int status_interrupted = 130;

/// From its construction on, the first of these signals sets the token, on a
/// thread of its own; a second one ends the process at once. Runners see that
/// their parent is gone then, and end too.
class interruption {
public:
  interruption();

  ~interruption();

  std::stop_token token() const noexcept {
    return source_.get_token();
  }

private:
  void wait();

  std::stop_source source_;
  boost::asio::io_context io_{1};
  boost::asio::signal_set signals_;
  std::thread thread_;
};

} // namespace thumbnails
