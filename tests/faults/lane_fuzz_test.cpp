// What a runner does when the bytes on its lanes are not what a parent sends.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include <doctest/doctest.h>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "failure.hpp"
#include "flame/detail/function_thunk.hpp"
#include "flame/detail/operation.hpp"
#include "lane.hpp"
#include "lane_server.hpp"

namespace {

using namespace std::chrono_literals;

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
using flame::detail::writer;

constexpr int rounds = 20'000;

/// What hostile bytes may cost in memory. They announce up to 1 GiB.
constexpr std::size_t most_growth = std::size_t{384} << 20;

template <class F, class... Args>
buffer request_of(F f, const Args&... args) {
  buffer result;
  open_request(result, function_thunk<F, Args...>::registrar);
  writer to{result};
  encode_callable<F>(to, f);
  (encode<Args>(to, args), ...);
  close_frame(result, frame_type::request, 0, 1);
  return result;
}

struct picture {
  std::string name;
  std::vector<std::vector<std::uint16_t>> rows;
  std::optional<double> exposure;
};

/// Requests with as many kinds of values as there are ways to encode them.
std::vector<buffer> valid_requests() {
  std::vector<buffer> result;
  result.push_back(request_of([] {}));
  result.push_back(request_of(
    [](int a, int b) {
      return a ^ b;
    },
    6, 7));
  result.push_back(request_of(
    [](std::string text) {
      return text;
    },
    std::string(300, 'x')));
  result.push_back(request_of(
    [](std::vector<picture> all) {
      return all;
    },
    std::vector<picture>{{"a", {{1, 2}, {3}}, 0.5}, {"b", {}, {}}}));
  result.push_back(request_of(
    [](std::map<std::string, std::vector<bool>> all) {
      return all.size();
    },
    std::map<std::string, std::vector<bool>>{{"k", {true, false}}}));
  result.push_back(request_of(
    [](std::variant<int, std::string> either, std::pair<char, bool> two) {
      return std::pair{either.index(), two.first};
    },
    std::variant<int, std::string>{"text"}, std::pair{'c', true}));
  return result;
}

class mutator {
public:
  explicit mutator(unsigned seed) : random_(seed) {
    // nop
  }

  std::size_t below(std::size_t limit) {
    return static_cast<std::size_t>(random_() % limit);
  }

  /// One to four changes to `bytes`, most of them to the first fields.
  void mutate(buffer& bytes) {
    for (auto left = 1 + below(4); left > 0; --left)
      change(bytes);
  }

private:
  void change(buffer& bytes) {
    if (bytes.empty())
      return;
    auto size = bytes.size();
    auto at =
      below(3) == 0 ? below(std::min<std::size_t>(size, 48)) : below(size);
    switch (below(7)) {
      case 0:
        bytes.data()[at] ^= static_cast<std::byte>(1U << below(8));
        break;
      case 1:
        bytes.data()[at] = static_cast<std::byte>(random_());
        break;
      case 2:
        overwrite(bytes, at, interesting());
        break;
      case 3:
        bytes.resize(at);
        break;
      case 4: {
        std::vector<std::byte> more(1 + below(200));
        for (auto& each : more)
          each = static_cast<std::byte>(random_());
        bytes.append(more.data(), more.size());
        break;
      }
      case 5:
        // The length stays right: what comes is decoded.
        if (size > frame_header::size)
          close_frame(bytes, frame_type::request, 0, random_());
        break;
      default: {
        auto from = below(size);
        auto count = std::min(below(32), size - std::max(at, from));
        std::memmove(bytes.data() + at, bytes.data() + from, count);
        break;
      }
    }
  }

  std::uint64_t interesting() {
    constexpr std::uint64_t values[] = {
      0,          1,          0x7f,       0xff,           0xffff,
      0x7fffffff, 0xffffffff, 0x40000000, 0x3fffffffffff, ~std::uint64_t{0}};
    return values[below(std::size(values))];
  }

  static void overwrite(buffer& bytes, std::size_t at, std::uint64_t value) {
    auto count = std::min(sizeof(value), bytes.size() - at);
    std::memcpy(bytes.data() + at, &value, count);
  }

  std::mt19937_64 random_;
};

/// Whether the bytes name a function that is not meant for this test: any
/// function of the program may be called, with any arguments.
bool names_another_function(const buffer& request, const buffer& original) {
  auto token_in = [](const buffer& frame) {
    thunk_token result;
    if (frame.size() >= frame_header::size + sizeof(result))
      std::memcpy(&result, frame.data() + frame_header::size, sizeof(result));
    return result;
  };
  auto named = token_in(request);
  return named != token_in(original) && flame::detail::find_thunk(named);
}

enum class ending { result, failure, refusal, silence };

/// How often each came.
using tally = std::map<ending, int>;

class attacker {
public:
  attacker(std::unique_ptr<lane> with, mutator& random)
    : lane_(std::move(with)),
      random_(random) {
    // nop
  }

  /// Sends in parts, ends, and reads until the runner has ended too. False if
  /// it takes too long, or if an answer is not one.
  bool run(const buffer& bytes, tally& seen) {
    auto left = bytes.bytes();
    while (!left.empty()) {
      auto size = std::min(left.size(), 1 + random_.below(2 * left.size()));
      frame_sender part{left.first(size)};
      left = left.subspan(size);
      for (;;) {
        auto status = part.send(lane_->fd());
        if (status == io_status::closed)
          left = {};
        if (status != io_status::blocked)
          break;
        if (!wait(POLLOUT))
          return false;
      }
    }
    lane_->cancel();
    return read_to_end(seen);
  }

private:
  bool read_to_end(tally& seen) {
    auto last = ending::silence;
    for (;;) {
      switch (lane_->in().receive(lane_->fd())) {
        case io_status::done:
          // Nothing follows what is called the last.
          if (last == ending::refusal)
            return false;
          last = kind_of_answer();
          if (last == ending::silence)
            return false;
          ++seen[last];
          lane_->in().next();
          break;
        case io_status::blocked:
          if (!wait(POLLIN))
            return false;
          break;
        case io_status::closed:
          if (last == ending::silence)
            ++seen[last];
          return true;
        case io_status::bad_frame:
          return false;
      }
    }
  }

  /// What came; `silence` if it is no answer.
  ending kind_of_answer() {
    auto& header = lane_->in().header();
    if (header.type == frame_type::result)
      return ending::result;
    if (header.type != frame_type::failure)
      return ending::silence;
    reader in{lane_->in().body()};
    auto failure = decode<remote_failure>(in);
    in.finish();
    if (failure.message.empty())
      return ending::silence;
    return (header.flags & last_frame) != 0 ? ending::refusal : ending::failure;
  }

  bool wait(short events) {
    pollfd entry{lane_->fd(), events, 0};
    return ::poll(&entry, 1, 60'000) == 1;
  }

  std::unique_ptr<lane> lane_;
  mutator& random_;
};

std::size_t resident_bytes() {
  std::ifstream file{"/proc/self/statm"};
  std::size_t total = 0;
  std::size_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

TEST_CASE("a lane server answers or closes whatever bytes come on its lanes") {
  auto ends = make_socket_pair(SOCK_SEQPACKET);
  lane_opener opener{std::move(ends.parent), std::uint64_t{1} << 30};
  lane_server server{std::move(ends.runner), {}, {.on_parent_gone = [] {}}};
  auto open = [&] {
    auto result = opener.open();
    REQUIRE(result.opened);
    return std::move(result.opened);
  };
  auto requests = valid_requests();
  mutator random{20'220'101};
  tally seen;
  auto most = resident_bytes();
  auto before = most;
  for (int round = 0; round < rounds; ++round) {
    CAPTURE(round);
    auto& original = requests[random.below(requests.size())];
    buffer bytes;
    bytes.append(original.data(), original.size());
    random.mutate(bytes);
    if (names_another_function(bytes, original))
      continue;
    // What follows a good request on the same lane, now and then.
    if (random.below(8) == 0) {
      buffer both;
      both.append(original.data(), original.size());
      both.append(bytes.data(), bytes.size());
      bytes = std::move(both);
    }
    attacker each{open(), random};
    REQUIRE(each.run(bytes, seen));
    if (round % 100 == 0)
      most = std::max(most, resident_bytes());
  }
  CHECK(most - before < most_growth);
  // Otherwise the bytes are not as mixed as they should be.
  CHECK(seen[ending::result] > rounds / 50);
  CHECK(seen[ending::failure] > rounds / 50);
  CHECK(seen[ending::refusal] > rounds / 50);
  CHECK(seen[ending::silence] > rounds / 50);
  CHECK(server.running() == 0);
  tally good;
  for (auto& request : requests) {
    attacker each{open(), random};
    CHECK(each.run(request, good));
  }
  CHECK(good[ending::result] == static_cast<int>(requests.size()));
}

} // namespace
