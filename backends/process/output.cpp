#include "process/output.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace flame {

namespace {

constexpr std::size_t lines_kept = 20;

/// A longer line is cut into several: nobody may fill the parent's memory by
/// never ending one.
constexpr std::size_t longest_line = 4096;

/// Read without a pause. One thread serves the processes of all pools, and one
/// that prints faster than it is read must not keep it.
constexpr std::size_t bytes_at_a_time = 64 << 10;

/// The process on the other end may have changed it.
std::size_t capacity_of(int pipe) {
  auto size = ::fcntl(pipe, F_GETPIPE_SZ);
  return size > 0 ? static_cast<std::size_t>(size) : bytes_at_a_time;
}

} // namespace

output_reader::output_reader(boost::asio::io_context& io,
                             detail::unique_fd pipe, line_handler on_line)
  : pipe_(io),
    on_line_(std::move(on_line)) {
  pipe_.assign(pipe.get());
  static_cast<void>(pipe.release());
  pipe_.non_blocking(true);
}

void output_reader::start() {
  pipe_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                   [self = shared_from_this()](const auto& ec) {
                     if (!ec && self->read_at_most(bytes_at_a_time))
                       self->start();
                   });
}

void output_reader::finish() {
  if (!pipe_.is_open())
    return;
  read_at_most(capacity_of(pipe_.native_handle()));
  if (!line_.empty())
    line_complete();
  boost::system::error_code ignored;
  pipe_.close(ignored);
}

std::vector<std::string> output_reader::last_lines() const {
  return {last_.begin(), last_.end()};
}

bool output_reader::read_at_most(std::size_t limit) {
  std::array<char, 4096> bytes;
  while (limit > 0) {
    auto got = ::read(pipe_.native_handle(), bytes.data(),
                      std::min(limit, bytes.size()));
    if (got > 0) {
      take(bytes.data(), static_cast<std::size_t>(got));
      limit -= static_cast<std::size_t>(got);
    } else if (got == 0 || errno != EINTR) {
      return got < 0 && errno == EAGAIN;
    }
  }
  return true;
}

void output_reader::take(const char* bytes, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    if (bytes[i] != '\n')
      line_.push_back(bytes[i]);
    if (bytes[i] == '\n' || line_.size() >= longest_line)
      line_complete();
  }
}

void output_reader::line_complete() {
  if (on_line_)
    on_line_(line_);
  if (last_.size() >= lines_kept)
    last_.pop_front();
  last_.push_back(std::move(line_));
  line_.clear();
}

} // namespace flame
