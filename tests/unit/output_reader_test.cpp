#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include "process/output.hpp"

namespace {

/// A process that prints a line whenever one is read, so that its pipe is never
/// empty.
class endless_printer {
public:
  endless_printer() {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    read_.reset(ends[0]);
    write_.reset(ends[1]);
    print();
  }

  std::shared_ptr<flame::output_reader> read_by(boost::asio::io_context& io) {
    return std::make_shared<flame::output_reader>(io, std::move(read_),
                                                  [this](const std::string&) {
                                                    on_line();
                                                  });
  }

  std::size_t lines() const {
    return lines_;
  }

  /// Called when the first line is read.
  std::function<void()> on_first_line = [] {};

private:
  /// More than anybody should read at a time; then it ends after all, so that
  /// the test does.
  static constexpr std::size_t too_many = 500'000;

  void on_line() {
    if (++lines_ == 1)
      on_first_line();
    if (lines_ < too_many)
      print();
  }

  void print() {
    REQUIRE(::write(write_.get(), "x\n", 2) == 2);
  }

  flame::detail::unique_fd read_;
  flame::detail::unique_fd write_;
  std::size_t lines_ = 0;
};

} // namespace

TEST_CASE("output without end leaves others their turn") {
  boost::asio::io_context io;
  endless_printer printer;
  auto reader = printer.read_by(io);
  std::size_t lines_before = 0;
  printer.on_first_line = [&] {
    boost::asio::post(io, [&] {
      lines_before = printer.lines();
    });
  };
  reader->start();
  while (lines_before == 0)
    REQUIRE(io.run_one() == 1);
  REQUIRE(lines_before <= 32 << 10);
  // And it goes on.
  while (printer.lines() <= lines_before)
    REQUIRE(io.run_one() == 1);
}

TEST_CASE(
  "of what is printed after the end, no more is read than fits a pipe") {
  boost::asio::io_context io;
  endless_printer printer;
  auto reader = printer.read_by(io);
  reader->finish();
  CHECK(printer.lines() > 0);
  CHECK(printer.lines() <= 32 << 10);
  CHECK(reader->last_lines().back() == "x");
}
