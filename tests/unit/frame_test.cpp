#include "frame.hpp"

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <sys/socket.h>

#include "lane.hpp"

namespace {

using flame::detail::buffer;
using flame::detail::close_frame;
using flame::detail::frame_header;
using flame::detail::frame_receiver;
using flame::detail::frame_sender;
using flame::detail::frame_type;
using flame::detail::io_status;
using flame::detail::make_socket_pair;
using flame::detail::open_frame;
using flame::detail::set_nonblocking;
using flame::detail::socket_pair;

constexpr std::uint64_t one_gib = std::uint64_t{1} << 30;

/// What a receiver may hold for a frame of which nearly nothing has come.
constexpr std::size_t little = 128 * 1024;

enum field : std::size_t {
  at_magic = 0,
  at_version = 4,
  at_type = 5,
  at_flags = 6,
  at_length = 16,
};

/// Two sockets, neither of which blocks.
class wire {
public:
  wire() : ends_(make_socket_pair(SOCK_STREAM)) {
    set_nonblocking(ends_.parent.get());
    set_nonblocking(ends_.runner.get());
  }

  int in() const noexcept {
    return ends_.runner.get();
  }

  int out() const noexcept {
    return ends_.parent.get();
  }

  void put(const void* bytes, std::size_t count) const {
    REQUIRE(::send(out(), bytes, count, MSG_NOSIGNAL)
            == static_cast<ssize_t>(count));
  }

  void put(std::span<const std::byte> bytes) const {
    put(bytes.data(), bytes.size());
  }

  void end_sending() {
    ends_.parent.reset();
  }

  void end_receiving() {
    ends_.runner.reset();
  }

private:
  socket_pair ends_;
};

buffer frame_of(std::string_view body, frame_type type = frame_type::request,
                std::uint16_t flags = 0, std::uint64_t call_id = 1) {
  buffer result;
  open_frame(result);
  result.append(body.data(), body.size());
  close_frame(result, type, flags, call_id);
  return result;
}

template <class T>
buffer frame_with(std::size_t at, T value) {
  auto result = frame_of("0123456789");
  std::memcpy(result.data() + at, &value, sizeof(value));
  return result;
}

std::string_view text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Bytes that are the same each time and nowhere the same for long.
std::string pattern(std::size_t size) {
  std::string result(size, '\0');
  std::uint32_t state = 1;
  for (auto& each : result) {
    state = state * 1664525 + 1013904223;
    each = static_cast<char>(state >> 24);
  }
  return result;
}

/// Sends and receives in turns on one thread; how often the socket was full.
std::size_t transfer(const wire& over, const buffer& frame,
                     frame_receiver& into) {
  frame_sender sender{frame.bytes()};
  std::size_t times_full = 0;
  for (;;) {
    auto sent = sender.send(over.out());
    REQUIRE(sent != io_status::closed);
    times_full += sent == io_status::blocked ? 1 : 0;
    auto got = into.receive(over.in());
    if (got == io_status::done)
      return times_full;
    REQUIRE(got == io_status::blocked);
    REQUIRE(sent == io_status::blocked);
  }
}

/// What is wrong with `frame`, where bodies may have up to 4,096 bytes.
std::string problem_with(const buffer& frame) {
  wire w;
  w.put(frame.bytes());
  frame_receiver receiver{4096};
  CHECK(receiver.receive(w.in()) == io_status::bad_frame);
  return receiver.problem();
}

TEST_CASE("a frame arrives as it was sent") {
  wire w;
  auto frame = frame_of("some body", frame_type::failure, 2, 0x123456789abcdef);
  CHECK(frame_sender{frame.bytes()}.send(w.out()) == io_status::done);
  frame_receiver receiver{one_gib};
  REQUIRE(receiver.receive(w.in()) == io_status::done);
  CHECK(receiver.header().type == frame_type::failure);
  CHECK(receiver.header().flags == 2);
  CHECK(receiver.header().call_id == 0x123456789abcdef);
  CHECK(receiver.header().length == 9);
  CHECK(text(receiver.body()) == "some body");
  CHECK(receiver.problem().empty());
}

TEST_CASE("a frame looks on the wire as its layout says") {
  auto frame = frame_of("xy", frame_type::result, 0x0201, 0x0807060504030201);
  const unsigned char expected[] = {'F', 'L', 'M', 'E', 1, 2, 1,   2,  1,
                                    2,   3,   4,   5,   6, 7, 8,   2,  0,
                                    0,   0,   0,   0,   0, 0, 'x', 'y'};
  REQUIRE(frame.size() == sizeof(expected));
  CHECK(std::memcmp(frame.data(), expected, sizeof(expected)) == 0);
}

TEST_CASE("a frame without a body arrives") {
  wire w;
  w.put(frame_of("").bytes());
  frame_receiver receiver{0};
  REQUIRE(receiver.receive(w.in()) == io_status::done);
  CHECK(receiver.header().length == 0);
  CHECK(receiver.body().empty());
  receiver.next();
  CHECK(receiver.empty());
}

TEST_CASE("a frame that the socket takes in parts arrives whole") {
  wire w;
  auto small = 4096;
  ::setsockopt(w.out(), SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
  auto body = pattern(1'000'000);
  frame_receiver receiver{one_gib};
  CHECK(transfer(w, frame_of(body), receiver) > 10);
  CHECK(text(receiver.body()) == body);
}

TEST_CASE("a frame that arrives byte by byte is complete with its last byte") {
  wire w;
  auto frame = frame_of("byte by byte");
  frame_receiver receiver{one_gib};
  CHECK(receiver.receive(w.in()) == io_status::blocked);
  for (std::size_t i = 0; i + 1 < frame.size(); ++i) {
    w.put(frame.data() + i, 1);
    REQUIRE(receiver.receive(w.in()) == io_status::blocked);
  }
  w.put(frame.data() + frame.size() - 1, 1);
  REQUIRE(receiver.receive(w.in()) == io_status::done);
  CHECK(text(receiver.body()) == "byte by byte");
}

TEST_CASE("two frames that arrive together are received one after the other") {
  wire w;
  buffer both = frame_of("first", frame_type::request, 0, 1);
  auto second = frame_of("the second", frame_type::result, 1, 2);
  both.append(second.data(), second.size());
  w.put(both.bytes());
  frame_receiver receiver{one_gib};
  REQUIRE(receiver.receive(w.in()) == io_status::done);
  CHECK(text(receiver.body()) == "first");
  receiver.next();
  CHECK_FALSE(receiver.empty());
  REQUIRE(receiver.receive(w.in()) == io_status::done);
  CHECK(receiver.header().type == frame_type::result);
  CHECK(receiver.header().call_id == 2);
  CHECK(text(receiver.body()) == "the second");
  receiver.next();
  CHECK(receiver.receive(w.in()) == io_status::blocked);
}

TEST_CASE("what has come of the next frame is kept when its rest is late") {
  wire w;
  buffer bytes = frame_of("first");
  auto second = frame_of("second");
  bytes.append(second.data(), 10);
  w.put(bytes.bytes());
  frame_receiver receiver{one_gib};
  REQUIRE(receiver.receive(w.in()) == io_status::done);
  receiver.next();
  REQUIRE(receiver.receive(w.in()) == io_status::blocked);
  w.put(second.data() + 10, second.size() - 10);
  REQUIRE(receiver.receive(w.in()) == io_status::done);
  CHECK(text(receiver.body()) == "second");
}

TEST_CASE("a frame that is taken out leaves the receiver ready for the next") {
  wire w;
  w.put(frame_of("taken").bytes());
  frame_receiver receiver{one_gib};
  REQUIRE(receiver.receive(w.in()) == io_status::done);
  auto taken = receiver.take();
  CHECK(text(taken.bytes().subspan(frame_header::size)) == "taken");
  CHECK(receiver.empty());
  w.put(frame_of("next").bytes());
  REQUIRE(receiver.receive(w.in()) == io_status::done);
  CHECK(text(receiver.body()) == "next");
}

TEST_CASE("what does not start with the magic is refused") {
  auto problem = problem_with(frame_with(at_magic, std::uint32_t{0x20544547}));
  CHECK(problem == "a frame starts with 0x20544547, not with \"FLME\"");
}

TEST_CASE("a frame of another version is refused") {
  auto problem = problem_with(frame_with(at_version, std::uint8_t{2}));
  CHECK(problem == "a frame of version 2, where 1 is spoken");
}

TEST_CASE("a frame of an unknown type is refused") {
  CHECK(problem_with(frame_with(at_type, std::uint8_t{0}))
        == "a frame of the unknown type 0");
  CHECK(problem_with(frame_with(at_type, std::uint8_t{6}))
        == "a frame of the unknown type 6");
}

TEST_CASE("a frame with a flag that no version defines is refused") {
  auto problem = problem_with(frame_with(at_flags, std::uint16_t{0x8000}));
  CHECK(problem.find("flag") != std::string::npos);
}

TEST_CASE("a length above the limit is refused before any of the body") {
  CHECK(problem_with(frame_with(at_length, std::uint64_t{4097}))
        == "a frame of 4097 bytes, where max_message is 4096");
  CHECK(problem_with(frame_with(at_length, ~std::uint64_t{0}))
        == "a frame of 18446744073709551615 bytes, where max_message is 4096");
}

TEST_CASE("a body of just the limit is taken") {
  wire w;
  w.put(frame_of(pattern(4096)).bytes());
  frame_receiver receiver{4096};
  CHECK(receiver.receive(w.in()) == io_status::done);
}

TEST_CASE("a receiver that refused a frame goes on refusing") {
  wire w;
  w.put(frame_with(at_version, std::uint8_t{9}).bytes());
  frame_receiver receiver{4096};
  REQUIRE(receiver.receive(w.in()) == io_status::bad_frame);
  w.put(frame_of("good").bytes());
  CHECK(receiver.receive(w.in()) == io_status::bad_frame);
}

TEST_CASE("a frame that ends early is an end, whatever of it has come") {
  auto frame = frame_of("never complete");
  for (std::size_t sent :
       {std::size_t{0}, std::size_t{1}, frame_header::size - 1,
        frame_header::size, frame.size() - 1}) {
    CAPTURE(sent);
    wire w;
    w.put(frame.bytes().first(sent));
    frame_receiver receiver{one_gib};
    CHECK(receiver.receive(w.in()) == io_status::blocked);
    w.end_sending();
    CHECK(receiver.receive(w.in()) == io_status::closed);
    CHECK(receiver.problem().empty());
  }
}

TEST_CASE("a frame that was sent before the peer closed still arrives") {
  wire w;
  w.put(frame_of("last words").bytes());
  w.end_sending();
  frame_receiver receiver{one_gib};
  REQUIRE(receiver.receive(w.in()) == io_status::done);
  CHECK(text(receiver.body()) == "last words");
  receiver.next();
  CHECK(receiver.receive(w.in()) == io_status::closed);
}

TEST_CASE("sending to a peer that is gone says so and raises no signal") {
  wire w;
  w.end_receiving();
  auto frame = frame_of("nobody reads this");
  CHECK(frame_sender{frame.bytes()}.send(w.out()) == io_status::closed);
}

TEST_CASE("a length on the wire allocates nothing") {
  wire w;
  auto frame = frame_with(at_length, one_gib - 1);
  w.put(frame.bytes());
  frame_receiver receiver{one_gib};
  REQUIRE(receiver.receive(w.in()) == io_status::blocked);
  CHECK(receiver.header().length == one_gib - 1);
  auto taken = receiver.take();
  CHECK(taken.size() == frame.size());
  CHECK(taken.capacity() <= little);
}

TEST_CASE("memory follows what has arrived of a frame") {
  for (std::size_t size : {1'000U, 50'000U, 150'000U}) {
    CAPTURE(size);
    wire w;
    auto frame = frame_of(pattern(size));
    std::memcpy(frame.data() + at_length, &one_gib, sizeof(one_gib));
    frame_receiver receiver{one_gib};
    auto left = frame.bytes();
    while (!left.empty()) {
      auto part = left.first(std::min<std::size_t>(left.size(), 10'000));
      left = left.subspan(part.size());
      w.put(part);
      REQUIRE(receiver.receive(w.in()) == io_status::blocked);
    }
    auto taken = receiver.take();
    CHECK(taken.size() == frame.size());
    // Long ones have whole pages.
    CHECK(taken.capacity() < std::max(little, 2 * frame.size() + 4096));
  }
}

TEST_CASE("the memory of a long frame is given back after it") {
  wire w;
  frame_receiver receiver{one_gib};
  transfer(w, frame_of(pattern(1'000'000)), receiver);
  receiver.next();
  CHECK(receiver.take().capacity() <= little);
}

TEST_CASE("a body of 100 MB goes through") {
  wire w;
  auto body = pattern(100'000'000);
  frame_receiver receiver{one_gib};
  CHECK(transfer(w, frame_of(body), receiver) > 0);
  CHECK(text(receiver.body()) == body);
}

TEST_CASE("whatever bytes arrive, the receiver stays within its bounds") {
  constexpr std::uint64_t max_body = 4096;
  std::mt19937_64 random{20240229};
  auto below = [&](std::size_t limit) {
    return static_cast<std::size_t>(random() % limit);
  };
  std::size_t times[4] = {};
  for (int round = 0; round < 20'000; ++round) {
    CAPTURE(round);
    auto bytes = frame_of(pattern(below(600)));
    bytes.resize(bytes.size());
    if (below(4) == 0) {
      for (std::size_t i = 0; i < frame_header::size; ++i)
        bytes.data()[i] = static_cast<std::byte>(random());
    } else {
      for (auto i = below(3); i > 0; --i)
        bytes.data()[below(frame_header::size)] =
          static_cast<std::byte>(random());
    }
    wire w;
    w.put(bytes.bytes());
    frame_receiver receiver{max_body};
    auto status = receiver.receive(w.in());
    ++times[static_cast<std::size_t>(status)];
    REQUIRE(status != io_status::closed);
    REQUIRE(receiver.problem().empty() == (status != io_status::bad_frame));
    if (status == io_status::done) {
      REQUIRE(receiver.header().length <= max_body);
      REQUIRE(receiver.body().size() == receiver.header().length);
      receiver.next();
    }
    REQUIRE(receiver.take().capacity() <= little);
  }
  // Otherwise the bytes are not as mixed as they should be.
  CHECK(times[static_cast<std::size_t>(io_status::done)] > 100);
  CHECK(times[static_cast<std::size_t>(io_status::blocked)] > 100);
  CHECK(times[static_cast<std::size_t>(io_status::bad_frame)] > 100);
}

} // namespace
