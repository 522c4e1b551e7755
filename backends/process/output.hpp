#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "flame/detail/unique_fd.hpp"

namespace flame {

/// Reads what a process writes, line by line, and remembers the last lines.
/// Used on the thread of its context only.
class output_reader : public std::enable_shared_from_this<output_reader> {
public:
  using line_handler = std::function<void(const std::string&)>;

  output_reader(boost::asio::io_context& io, detail::unique_fd pipe,
                line_handler on_line);

  void start();

  /// Takes what is in the pipe now, and no more than fits into it; the rest
  /// belongs to processes that have outlived the one that was started, and
  /// nobody reads it.
  void finish();

  std::vector<std::string> last_lines() const;

private:
  /// Takes what is there.
  /// @returns whether there may be more, now or later
  bool read_at_most(std::size_t limit);
  void take(const char* bytes, std::size_t size);
  void line_complete();

  boost::asio::posix::stream_descriptor pipe_;
  line_handler on_line_;
  std::string line_;
  std::deque<std::string> last_;
};

} // namespace flame
