/// What connections are made of.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>

namespace web {

/// TCP, or a unix socket.
using byte_stream =
  boost::beast::basic_stream<boost::asio::generic::stream_protocol>;

} // namespace web
