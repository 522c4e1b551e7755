#include "lane_server.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <future>
#include <mutex>
#include <optional>
#include <random>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include "failure.hpp"
#include "flame/detail/function_thunk.hpp"
#include "flame/detail/operation.hpp"
#include "lane.hpp"

namespace {

using namespace std::chrono_literals;

using flame::errc;
using flame::detail::buffer;
using flame::detail::close_frame;
using flame::detail::decode;
using flame::detail::encode;
using flame::detail::encode_callable;
using flame::detail::frame_header;
using flame::detail::frame_sender;
using flame::detail::frame_type;
using flame::detail::function_thunk;
using flame::detail::io_status;
using flame::detail::lane;
using flame::detail::lane_opener;
using flame::detail::lane_server;
using flame::detail::last_frame;
using flame::detail::make_socket_pair;
using flame::detail::open_request;
using flame::detail::reader;
using flame::detail::remote_failure;
using flame::detail::thunk_token;
using flame::detail::unlinked;
using flame::detail::writer;

using clock_type = std::chrono::steady_clock;

/// For what must happen; none is waited for in vain.
constexpr auto bound = 30s;

/// Something that happens once, in one of the threads of this test. Functions
/// get it as a number: captures and arguments cannot be pointers.
class event {
public:
  void set() {
    std::lock_guard guard{mutex_};
    is_set_ = true;
    changed_.notify_all();
  }

  bool wait(clock_type::duration most = bound) {
    std::unique_lock guard{mutex_};
    return changed_.wait_for(guard, most, [this] {
      return is_set_;
    });
  }

  bool is_set() {
    return wait(0s);
  }

  std::uint64_t number() noexcept {
    return reinterpret_cast<std::uintptr_t>(this);
  }

  static event& of(std::uint64_t number) noexcept {
    return *reinterpret_cast<event*>(number);
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_set_ = false;
};

/// Whether `stop` was requested within the bound.
bool wait_for_stop(std::stop_token stop, clock_type::duration most = bound) {
  event stopped;
  std::stop_callback callback{stop, [&] {
                                stopped.set();
                              }};
  return stopped.wait(most);
}

/// Waits for what happens in other threads and tells nobody.
template <class F>
bool eventually(F condition) {
  auto end = clock_type::now() + bound;
  while (!condition()) {
    if (clock_type::now() > end)
      return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

/// A request as `flame::call` writes it.
template <class F, class... Args>
buffer request_with(std::uint64_t call_id, std::uint16_t flags, F f,
                    const Args&... args) {
  buffer result;
  open_request(result, function_thunk<F, Args...>::registrar);
  writer to{result};
  encode_callable<F>(to, f);
  (encode<Args>(to, args), ...);
  close_frame(result, frame_type::request, flags, call_id);
  return result;
}

template <class F, class... Args>
buffer request_of(F f, const Args&... args) {
  return request_with(1, 0, f, args...);
}

/// `frame` with another length of its body: cut, or with zeros behind it.
buffer resized(buffer frame, std::size_t body) {
  auto before = frame.size();
  frame.resize(frame_header::size + body);
  if (frame.size() > before)
    std::memset(frame.data() + before, 0, frame.size() - before);
  close_frame(frame, frame_type::request, 0, 1);
  return frame;
}

std::size_t body_of(const buffer& frame) {
  return frame.size() - frame_header::size;
}

template <class T>
void overwrite(buffer& frame, std::size_t at, T value) {
  std::memcpy(frame.data() + at, &value, sizeof(value));
}

struct answer {
  /// Nothing when the lane ended instead.
  std::optional<frame_header> header;
  buffer frame;

  bool is_end() const {
    return !header;
  }

  template <class T>
  T value() const {
    REQUIRE(header);
    REQUIRE(header->type == frame_type::result);
    return content<T>();
  }

  remote_failure failure() const {
    REQUIRE(header);
    REQUIRE(header->type == frame_type::failure);
    return content<remote_failure>();
  }

  bool is_last() const {
    return header && (header->flags & last_frame) != 0;
  }

private:
  template <class T>
  T content() const {
    reader in{frame.bytes().subspan(frame_header::size)};
    auto result = decode<T>(in);
    in.finish();
    return result;
  }
};

/// The parent's end of a lane, as a blocking caller uses it.
class client {
public:
  explicit client(std::unique_ptr<lane> with) : lane_(std::move(with)) {
    // nop
  }

  /// Sends all, or what the server takes before it closes the lane.
  void send(const buffer& frame) {
    frame_sender out{frame.bytes()};
    while (out.send(lane_->fd()) == io_status::blocked)
      REQUIRE(wait(POLLOUT));
  }

  void send(std::span<const std::byte> bytes) {
    buffer copy;
    copy.append(bytes.data(), bytes.size());
    send(copy);
  }

  answer receive() {
    for (;;) {
      switch (lane_->in().receive(lane_->fd())) {
        case io_status::done: {
          answer result;
          result.header = lane_->in().header();
          result.frame.resize(frame_header::size);
          result.frame.append(lane_->in().body().data(),
                              lane_->in().body().size());
          lane_->in().next();
          return result;
        }
        case io_status::blocked:
          REQUIRE(wait(POLLIN));
          break;
        case io_status::closed:
          return {};
        case io_status::bad_frame:
          FAIL(lane_->in().problem());
      }
    }
  }

  answer call(const buffer& request) {
    send(request);
    return receive();
  }

  /// Whether the lane still carries calls.
  bool works() {
    return call(request_of(
                  [](int a, int b) {
                    return a * b;
                  },
                  6, 7))
             .value<int>()
           == 42;
  }

  void cancel() {
    lane_->cancel();
  }

  void close() {
    lane_.reset();
  }

private:
  bool wait(short events) {
    pollfd entry{lane_->fd(), events, 0};
    return ::poll(&entry, 1, 30'000) == 1;
  }

  std::unique_ptr<lane> lane_;
};

/// A lane server, and the socket over which it gets its lanes.
class served {
public:
  explicit served(lane_server::options options = {})
    : served(make_socket_pair(SOCK_SEQPACKET), std::move(options)) {
    // nop
  }

  client open() {
    auto result = opener_->open();
    REQUIRE(result.opened);
    return client{std::move(result.opened)};
  }

  lane_opener& opener() {
    return *opener_;
  }

  lane_server& server() {
    return *server_;
  }

  /// The parent's end of the `lanes` socket ends.
  void close_lanes() {
    opener_.reset();
  }

  /// Destroys the server; false if that takes too long.
  bool destroy() {
    std::promise<void> done;
    auto is_done = done.get_future();
    destroyer_ = std::jthread{[this, done = std::move(done)]() mutable {
      server_.reset();
      done.set_value();
    }};
    return is_done.wait_for(10s) == std::future_status::ready;
  }

  event parent_gone;
  event unlinked_done;
  std::atomic<int> times_gone = 0;

private:
  served(flame::detail::socket_pair ends, lane_server::options options)
    : opener_(std::in_place, std::move(ends.parent), std::uint64_t{1} << 30),
      server_(std::in_place, std::move(ends.runner), std::move(options),
              lane_server::callbacks{.on_parent_gone =
                                       [this] {
                                         ++times_gone;
                                         parent_gone.set();
                                       },
                                     .on_unlinked_done =
                                       [this] {
                                         unlinked_done.set();
                                       }}) {
    // nop
  }

  std::optional<lane_opener> opener_;
  std::optional<lane_server> server_;
  std::jthread destroyer_;
};

/// Options for short messages.
lane_server::options up_to(std::uint64_t max_body) {
  lane_server::options result;
  result.max_body = max_body;
  return result;
}

struct custom_failure {
  int code;
};

std::size_t entries_in(const char* directory) {
  using iterator = std::filesystem::directory_iterator;
  return static_cast<std::size_t>(
    std::distance(iterator{directory}, iterator{}));
}

TEST_CASE("a request runs its function and is answered with the result") {
  served s;
  auto c = s.open();
  auto request = request_with(
    77, 0,
    [](std::string text, int times) {
      std::string result;
      for (int i = 0; i < times; ++i)
        result += text;
      return result;
    },
    std::string{"ab"}, 3);
  auto got = c.call(request);
  CHECK(got.value<std::string>() == "ababab");
  CHECK(got.header->call_id == 77);
  CHECK(got.header->flags == 0);
}

TEST_CASE("a function without a result is answered too") {
  served s;
  auto c = s.open();
  auto got = c.call(request_of([] {}));
  REQUIRE(got.header);
  CHECK(got.header->type == frame_type::result);
  CHECK(got.header->length == 0);
}

TEST_CASE("captures arrive with their function") {
  served s;
  auto c = s.open();
  int offset = 1000;
  CHECK(c.call(request_of(
                 [offset](int n) {
                   return offset + n;
                 },
                 1))
          .value<int>()
        == 1001);
}

TEST_CASE("a lane carries one call after the other") {
  served s;
  auto c = s.open();
  for (std::uint64_t i = 0; i < 1'000; ++i) {
    auto got = c.call(request_with(
      i, 0,
      [](std::uint64_t n) {
        return n + 1;
      },
      i));
    REQUIRE(got.value<std::uint64_t>() == i + 1);
    REQUIRE(got.header->call_id == i);
  }
}

TEST_CASE("lanes carry calls at the same time") {
  event first;
  event second;
  served s;
  auto meet = [](std::uint64_t mine, std::uint64_t other) {
    event::of(mine).set();
    return event::of(other).wait();
  };
  auto a = s.open();
  auto b = s.open();
  a.send(request_of(meet, first.number(), second.number()));
  b.send(request_of(meet, second.number(), first.number()));
  CHECK(a.receive().value<bool>());
  CHECK(b.receive().value<bool>());
}

TEST_CASE("a function that the runner does not have is refused, and the lane "
          "goes on") {
  served s;
  auto c = s.open();
  auto request = request_of([] {});
  overwrite(request, frame_header::size, thunk_token{1, 2});
  auto got = c.call(request);
  CHECK(got.failure().code == errc::unknown_function);
  CHECK(got.failure().message.find("0000000000000001+2") != std::string::npos);
  CHECK(got.header->call_id == 1);
  CHECK_FALSE(got.is_last());
  CHECK(c.works());
}

TEST_CASE("a thunk of another kind is no function") {
  static const flame::detail::thunk child{flame::detail::thunk_kind::child,
                                          nullptr, false, typeid(int)};
  served s;
  auto c = s.open();
  auto request = request_of([] {});
  overwrite(request, frame_header::size, child.token());
  CHECK(c.call(request).failure().code == errc::unknown_function);
  CHECK(c.works());
}

TEST_CASE("arguments that are cut off are refused, and the lane goes on") {
  served s;
  auto c = s.open();
  auto length =
    body_of(request_of([](std::string, int) {}, std::string{"some text"}, 3));
  for (std::size_t kept = 0; kept < length; ++kept) {
    CAPTURE(kept);
    auto request =
      request_of([](std::string, int) {}, std::string{"some text"}, 3);
    auto got = c.call(resized(std::move(request), kept));
    CHECK(got.failure().code == errc::bad_payload);
    CHECK_FALSE(got.is_last());
  }
  CHECK(c.works());
}

TEST_CASE("arguments that are followed by more are refused, and the lane goes "
          "on") {
  served s;
  event ran;
  auto c = s.open();
  auto request = request_of(
    [](std::uint64_t e) {
      event::of(e).set();
    },
    ran.number());
  auto longer = body_of(request) + 1;
  auto got = c.call(resized(std::move(request), longer));
  CHECK(got.failure().code == errc::bad_payload);
  CHECK(got.failure().message == "1 bytes are left over after the last value");
  CHECK_FALSE(ran.is_set());
  CHECK(c.works());
}

TEST_CASE("what is not a frame ends its lane with the reason, and no other "
          "lane") {
  served s;
  auto good = s.open();
  CHECK(good.works());
  auto spoilt = [&](auto spoil) {
    auto request = request_of([] {});
    spoil(request);
    auto c = s.open();
    auto got = c.call(request);
    CHECK(got.failure().code == errc::bad_frame);
    CHECK(got.is_last());
    CHECK(c.receive().is_end());
    CHECK(good.works());
    return got.failure().message;
  };
  CHECK(spoilt([](buffer& r) {
          overwrite(r, 0, 'X');
        })
        == "the runner got a frame starts with 0x454d4c58, not with \"FLME\"");
  CHECK(spoilt([](buffer& r) {
          overwrite(r, 4, '\x7');
        })
        == "the runner got a frame of version 7, where 1 is spoken");
  CHECK(spoilt([](buffer& r) {
          overwrite(r, 5, '\x9');
        })
        == "the runner got a frame of the unknown type 9");
  CHECK(spoilt([](buffer& r) {
          overwrite(r, 16, ~std::uint64_t{0});
        }).find("where max_message is")
        != std::string::npos);
  CHECK(spoilt([](buffer& r) {
          overwrite(r, 5, frame_type::result);
        })
        == "the runner got another frame, where a request was due");
}

TEST_CASE("an exception arrives with the name of its type and its text") {
  served s;
  auto c = s.open();
  auto standard = c.call(request_of([] {
                     throw std::runtime_error{"no such video"};
                   }))
                    .failure();
  CHECK(standard.code == errc::remote_exception);
  CHECK(standard.remote_type == "std::runtime_error");
  CHECK(standard.message == "no such video");

  auto number = c.call(request_of([] {
                   throw 7;
                 }))
                  .failure();
  CHECK(number.code == errc::remote_exception);
  CHECK(number.remote_type == "int");
  CHECK(number.message == "an exception without a message");

  auto custom = c.call(request_of([] {
                   throw custom_failure{3};
                 }))
                  .failure();
  CHECK(custom.code == errc::remote_exception);
  CHECK(custom.remote_type == "(anonymous namespace)::custom_failure");

  auto own = c.call(request_of([] {
                throw flame::call_error{errc::queue_full, "full", {}, "t"};
              }))
               .failure();
  CHECK(own.code == errc::queue_full);
  CHECK(own.remote_type == "t");
  CHECK(c.works());
}

TEST_CASE("a result that cannot be encoded to its end is a failure") {
  struct link {
    std::unique_ptr<link> next;
  };
  served s;
  auto c = s.open();
  auto got = c.call(request_of([] {
    link first;
    for (int i = 0; i < 1'000; ++i)
      first = link{std::make_unique<link>(std::move(first))};
    return first;
  }));
  CHECK(got.failure().code == errc::bad_payload);
  CHECK(got.failure().message.find("nested") != std::string::npos);
  CHECK(c.works());
}

TEST_CASE("a half-closed lane stops its function, whose answer still arrives") {
  served s;
  event began;
  auto c = s.open();
  c.send(request_of(
    [](std::stop_token stop, std::uint64_t e) {
      event::of(e).set();
      return wait_for_stop(stop);
    },
    began.number()));
  REQUIRE(began.wait());
  c.cancel();
  CHECK(c.receive().value<bool>());
  CHECK(c.receive().is_end());
}

TEST_CASE("a lane that is half-closed before the function begins stops it") {
  served s;
  for (int i = 0; i < 200; ++i) {
    auto c = s.open();
    c.send(request_of([](std::stop_token stop) {
      return wait_for_stop(stop);
    }));
    c.cancel();
    REQUIRE(c.receive().value<bool>());
    REQUIRE(c.receive().is_end());
  }
}

TEST_CASE("only the function of the lane that is half-closed stops") {
  served s;
  event began;
  event go_on;
  auto other = s.open();
  other.send(request_of(
    [](std::stop_token stop, std::uint64_t b, std::uint64_t g) {
      event::of(b).set();
      event::of(g).wait();
      return stop.stop_requested();
    },
    began.number(), go_on.number()));
  REQUIRE(began.wait());
  auto c = s.open();
  c.send(request_of([](std::stop_token stop) {
    return wait_for_stop(stop);
  }));
  c.cancel();
  CHECK(c.receive().value<bool>());
  go_on.set();
  CHECK_FALSE(other.receive().value<bool>());
}

TEST_CASE("a function that begins after all were asked to stop is told too") {
  auto is_stopped = [](std::stop_token stop) {
    return stop.stop_requested();
  };
  served s;
  auto c = s.open();
  CHECK_FALSE(c.call(request_of(is_stopped)).value<bool>());
  s.server().request_stop(false);
  CHECK(c.call(request_of(is_stopped)).value<bool>());
  CHECK_FALSE(c.call(request_with(1, unlinked, is_stopped)).value<bool>());
  s.server().request_stop(true);
  CHECK(c.call(request_with(1, unlinked, is_stopped)).value<bool>());
}

TEST_CASE("a lane that is closed stops its function, unless it is unlinked") {
  served s;
  event linked_began;
  event linked_stopped;
  event unlinked_began;
  event go_on;
  event unlinked_ended;
  auto a = s.open();
  a.send(request_of(
    [](std::stop_token stop, std::uint64_t started, std::uint64_t stopped) {
      event::of(started).set();
      if (wait_for_stop(stop))
        event::of(stopped).set();
    },
    linked_began.number(), linked_stopped.number()));
  auto b = s.open();
  b.send(request_with(
    1, unlinked,
    [](std::stop_token stop, std::uint64_t started, std::uint64_t go,
       std::uint64_t ended) {
      event::of(started).set();
      event::of(go).wait();
      if (!stop.stop_requested())
        event::of(ended).set();
    },
    unlinked_began.number(), go_on.number(), unlinked_ended.number()));
  REQUIRE(linked_began.wait());
  REQUIRE(unlinked_began.wait());
  // The watcher takes them in this order, so the second proves the first.
  b.close();
  a.close();
  CHECK(linked_stopped.wait());
  go_on.set();
  CHECK(unlinked_ended.wait());
}

TEST_CASE("running functions can be asked to stop, unlinked ones apart") {
  served s;
  event began[2];
  auto a = s.open();
  auto b = s.open();
  auto until_stopped = [](std::stop_token stop, std::uint64_t e) {
    event::of(e).set();
    return wait_for_stop(stop);
  };
  a.send(request_with(1, 0, until_stopped, began[0].number()));
  b.send(request_with(1, unlinked, until_stopped, began[1].number()));
  REQUIRE(began[0].wait());
  REQUIRE(began[1].wait());
  CHECK(s.server().running() == 2);
  s.server().request_stop(false);
  CHECK(a.receive().value<bool>());
  CHECK(s.server().running() == 1);
  CHECK(s.server().running_unlinked() == 1);
  CHECK_FALSE(s.unlinked_done.is_set());
  s.server().request_stop(true);
  CHECK(s.unlinked_done.wait());
  CHECK(b.receive().value<bool>());
  CHECK(s.server().running_unlinked() == 0);
  CHECK(s.server().running() == 0);
}

TEST_CASE("what a function does when it is told to stop delays nobody else") {
  served s;
  event began[2];
  event in_callback;
  event go_on;
  auto stubborn = s.open();
  auto other = s.open();
  stubborn.send(request_of(
    [](std::stop_token stop, std::uint64_t e, std::uint64_t in,
       std::uint64_t go) {
      std::stop_callback callback{stop, [=] {
                                    event::of(in).set();
                                    event::of(go).wait();
                                  }};
      event::of(e).set();
      event::of(in).wait();
      return true;
    },
    began[0].number(), in_callback.number(), go_on.number()));
  other.send(request_of(
    [](std::stop_token stop, std::uint64_t e) {
      event::of(e).set();
      return wait_for_stop(stop);
    },
    began[1].number()));
  REQUIRE(began[0].wait());
  REQUIRE(began[1].wait());
  s.server().request_stop(true);
  REQUIRE(in_callback.wait());
  CHECK(other.receive().value<bool>());
  auto late = s.open();
  CHECK(late.works());
  go_on.set();
  CHECK(stubborn.receive().value<bool>());
}

TEST_CASE("the end of the lanes' socket tells once that the parent is gone") {
  served s;
  auto c = s.open();
  CHECK(c.works());
  CHECK(s.times_gone == 0);
  s.close_lanes();
  CHECK(s.parent_gone.wait());
  // What is open goes on, and the watcher with it.
  c.send(request_of([](std::stop_token stop) {
    return wait_for_stop(stop);
  }));
  c.cancel();
  CHECK(c.receive().value<bool>());
  CHECK(s.destroy());
  CHECK(s.times_gone == 1);
}

TEST_CASE("a parent that is watched otherwise is not told of here") {
  lane_server::options options;
  options.watch_parent = false;
  served s{options};
  auto c = s.open();
  CHECK(c.works());
  s.close_lanes();
  // The watcher takes things in their order.
  c.send(request_of([](std::stop_token stop) {
    return wait_for_stop(stop);
  }));
  c.cancel();
  CHECK(c.receive().value<bool>());
  CHECK(s.times_gone == 0);
}

TEST_CASE("what is no lane on the lanes' socket is passed over") {
  served s;
  std::byte nothing[3] = {};
  CHECK(s.opener().send_message(nothing));
  auto c = s.open();
  CHECK(c.works());
  CHECK(s.times_gone == 0);
}

TEST_CASE("a result that is too long is a failure, and the lane goes on") {
  served s{up_to(1000)};
  auto c = s.open();
  auto text = [](std::uint64_t size) {
    return std::string(size, 'x');
  };
  // A string is eight bytes longer than its text.
  CHECK(c.call(request_of(text, std::uint64_t{992})).value<std::string>().size()
        == 992);
  auto got = c.call(request_of(text, std::uint64_t{993}));
  CHECK(got.failure().code == errc::message_too_large);
  CHECK(got.failure().message.find("1001 bytes, and max_message is 1000")
        != std::string::npos);
  CHECK_FALSE(got.is_last());
  CHECK(c.works());
}

TEST_CASE("an exception with a long text fits into a frame") {
  served s{up_to(1024)};
  auto c = s.open();
  auto got = c.call(request_of([] {
    throw std::runtime_error{"begin " + std::string(100'000, 'x')};
  }));
  CHECK(got.failure().message.starts_with("begin xxx"));
  CHECK(got.header->length <= 1024);
  CHECK(c.works());
}

TEST_CASE("a server that ends stops the functions that run") {
  served s;
  std::vector<client> clients;
  std::vector<event> began(8);
  std::vector<event> stopped(8);
  for (std::size_t i = 0; i < began.size(); ++i) {
    clients.push_back(s.open());
    clients.back().send(request_with(
      1, i % 2 ? std::uint16_t{unlinked} : std::uint16_t{0},
      [](std::stop_token stop, std::uint64_t start, std::uint64_t end) {
        event::of(start).set();
        if (wait_for_stop(stop))
          event::of(end).set();
      },
      began[i].number(), stopped[i].number()));
  }
  for (auto& each : began)
    REQUIRE(each.wait());
  CHECK(s.destroy());
  for (auto& each : stopped)
    CHECK(each.is_set());
  // A function that ends at once may still be answered.
  for (auto& each : clients)
    while (!each.receive().is_end())
      ;
}

TEST_CASE("a server that ends waits for a function that takes no stop token") {
  served s;
  event began;
  event go_on;
  event ended;
  auto c = s.open();
  c.send(request_of(
    [](std::uint64_t b, std::uint64_t g, std::uint64_t e) {
      event::of(b).set();
      event::of(g).wait();
      event::of(e).set();
    },
    began.number(), go_on.number(), ended.number()));
  REQUIRE(began.wait());
  std::jthread later{[&] {
    // The lane ends with the server, which has begun to end by then.
    CHECK(c.receive().is_end());
    go_on.set();
  }};
  CHECK(s.destroy());
  CHECK(ended.is_set());
}

TEST_CASE("a server that ends stops a function that is about to begin") {
  for (int i = 0; i < 200; ++i) {
    CAPTURE(i);
    served s;
    std::vector<client> clients;
    for (int n = 0; n < 8; ++n) {
      clients.push_back(s.open());
      REQUIRE(clients.back().works());
    }
    auto request = request_of([](std::stop_token stop) {
      wait_for_stop(stop, 15s);
    });
    std::jthread sending{[&] {
      for (auto& each : clients)
        each.send(request);
    }};
    auto in_time = s.destroy();
    REQUIRE(in_time);
  }
}

TEST_CASE("a server that ends closes the lanes that just arrive") {
  for (int i = 0; i < 100; ++i) {
    CAPTURE(i);
    served s;
    std::vector<client> clients;
    event some;
    std::jthread opening{[&] {
      for (int n = 0; n < 200; ++n) {
        auto next = s.opener().open();
        if (!next.opened)
          break;
        clients.emplace_back(std::move(next.opened));
        if (n == 20)
          some.set();
      }
      some.set();
    }};
    REQUIRE(some.wait());
    auto in_time = s.destroy();
    opening.join();
    // Lets go of threads that wait for the parent.
    clients.clear();
    REQUIRE(in_time);
  }
}

TEST_CASE("a request that stops in its middle disturbs no other lane") {
  served s;
  auto stuck = s.open();
  auto request = request_of(
    [](std::string text) {
      return text.size();
    },
    std::string(10'000, 'x'));
  stuck.send(request.bytes().first(5'000));
  auto c = s.open();
  for (int i = 0; i < 10; ++i)
    CHECK(c.works());
  CHECK(s.server().running() == 0);
  // The rest may come late.
  stuck.send(request.bytes().subspan(5'000));
  CHECK(stuck.receive().value<std::size_t>() == 10'000);
}

TEST_CASE("a lane that ends in the middle of a request ends") {
  served s;
  for (std::size_t sent : {std::size_t{0}, std::size_t{1}, std::size_t{23},
                           std::size_t{24}, std::size_t{39}}) {
    CAPTURE(sent);
    auto request = request_of([] {});
    REQUIRE(request.size() == 40);
    auto c = s.open();
    c.send(request.bytes().first(sent));
    c.cancel();
    CHECK(c.receive().is_end());
  }
  CHECK(s.open().works());
}

TEST_CASE("requests that come at once are answered one after the other") {
  served s;
  auto c = s.open();
  buffer all;
  for (std::uint64_t i = 0; i < 100; ++i) {
    auto next = request_with(
      i, 0,
      [](std::uint64_t n) {
        return n * n;
      },
      i);
    all.append(next.data(), next.size());
  }
  c.send(all);
  for (std::uint64_t i = 0; i < 100; ++i) {
    auto got = c.receive();
    CHECK(got.header->call_id == i);
    CHECK(got.value<std::uint64_t>() == i * i);
  }
}

TEST_CASE("lanes that were closed leave neither descriptor nor thread") {
  served s;
  REQUIRE(s.open().works());
  auto fds = entries_in("/proc/self/fd");
  std::size_t threads = 0;
  {
    // Counted with one lane open, which is how many there are at least.
    auto c = s.open();
    REQUIRE(c.works());
    threads = entries_in("/proc/self/task");
  }
  std::vector<client> clients;
  clients.reserve(200);
  for (int i = 0; i < 200; ++i)
    clients.push_back(s.open());
  for (auto& each : clients)
    REQUIRE(each.works());
  CHECK(entries_in("/proc/self/task") >= threads + 190);
  clients.clear();
  CHECK(eventually([&] {
    return entries_in("/proc/self/task") < threads
           && entries_in("/proc/self/fd") <= fds;
  }));
  CHECK(s.open().works());
}

/// Makes every new thread fail, as when the system has no more.
class no_threads {
public:
  no_threads() {
    pthread_attr_t none;
    pthread_getattr_default_np(&before_);
    pthread_getattr_default_np(&none);
    pthread_attr_setstacksize(&none, std::size_t{1} << 46);
    pthread_setattr_default_np(&none);
    pthread_attr_destroy(&none);
  }

  ~no_threads() {
    pthread_setattr_default_np(&before_);
    pthread_attr_destroy(&before_);
  }

private:
  pthread_attr_t before_;
};

TEST_CASE("a lane for which there is no thread is refused with the reason") {
  served s;
  auto before = s.open();
  REQUIRE(before.works());
  {
    no_threads left;
    auto c = s.open();
    auto got = c.receive();
    REQUIRE_FALSE(got.is_end());
    CHECK(got.failure().code == errc::out_of_resources);
    CHECK(got.is_last());
    CHECK(c.receive().is_end());
  }
  CHECK(before.works());
  CHECK(s.open().works());
}

} // namespace
