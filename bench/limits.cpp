#include "limits.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

#include <unistd.h>

namespace bench {

namespace {

constexpr std::string_view echo_flag = "--bench-echo";
constexpr std::string_view items_flag = "--bench-items";
constexpr int first_inherited = 3;

bool write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    auto count = ::write(fd, bytes.data(), bytes.size());
    if (count <= 0)
      return false;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

bool read_all(int fd, std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    auto count = ::read(fd, bytes.data(), bytes.size());
    if (count <= 0)
      return false;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

/// Ends when the benchmark does, which closes its end.
void echo(int fd, std::size_t length) {
  std::vector<std::byte> bytes(length);
  while (read_all(fd, bytes) && write_all(fd, bytes))
    continue;
}

int serve_echo(std::span<char*> lengths) {
  std::vector<std::jthread> others;
  for (std::size_t i = 1; i < lengths.size(); ++i)
    others.emplace_back(echo, first_inherited + static_cast<int>(i),
                        std::stoul(lengths[i]));
  echo(first_inherited, std::stoul(lengths[0]));
  return 0;
}

int serve_items(std::size_t length) {
  std::vector<std::byte> item(length);
  std::uint64_t count = 0;
  while (
    read_all(first_inherited, std::as_writable_bytes(std::span{&count, 1})))
    for (; count > 0; --count)
      if (!write_all(first_inherited, item))
        return 1;
  return 0;
}

[[noreturn]] void fail(const char* what) {
  throw std::system_error{errno, std::generic_category(), what};
}

} // namespace

raw_echo::raw_echo(const std::vector<std::size_t>& lengths) {
  std::vector<std::string> command{own_program(), std::string{echo_flag}};
  std::vector<descriptor> theirs;
  std::vector<int> inherited;
  for (auto length : lengths) {
    auto pair = make_sockets();
    sockets_.push_back(std::move(pair.first));
    inherited.push_back(pair.second.get());
    theirs.push_back(std::move(pair.second));
    command.push_back(std::to_string(length));
  }
  peer_.emplace(std::move(command), inherited);
}

void raw_echo::round_trip(std::size_t socket,
                          std::span<std::byte> bytes) const {
  auto fd = sockets_[socket].get();
  if (!write_all(fd, bytes) || !read_all(fd, bytes))
    fail("echo");
}

ping_pong::ping_pong(std::size_t sockets)
  : echo_(std::vector<std::size_t>(sockets, message_size)) {
  // nop
}

void ping_pong::round_trip(std::size_t socket) const {
  std::array<std::byte, message_size> bytes{};
  echo_.round_trip(socket, bytes);
}

raw_items::raw_items(std::size_t length)
  : length_(length),
    room_(std::size_t{64} * 1024) {
  auto pair = make_sockets();
  socket_ = std::move(pair.first);
  peer_.emplace(std::vector<std::string>{own_program(), std::string{items_flag},
                                         std::to_string(length)},
                std::vector{pair.second.get()});
}

void raw_items::take(std::uint64_t count) {
  if (!write_all(socket_.get(), std::as_bytes(std::span{&count, 1})))
    fail("items");
  for (auto left = count * length_; left > 0;) {
    auto got = ::read(socket_.get(), room_.data(),
                      std::min<std::size_t>(left, room_.size()));
    if (got <= 0)
      fail("items");
    left -= static_cast<std::size_t>(got);
  }
}

clock::duration start_bare_system(std::size_t threads) {
  auto pipe = make_pipe();
  auto begin = clock::now();
  peer started{{BENCH_BARE_SYSTEM, std::to_string(threads)},
               {pipe.second.get()}};
  pipe.second = descriptor{};
  char ready;
  if (::read(pipe.first.get(), &ready, 1) != 1)
    throw std::system_error{errno, std::generic_category(), "bare system"};
  return clock::now() - begin;
}

std::optional<int> run_as_peer(int argc, char** argv) {
  if (argc < 3)
    return std::nullopt;
  if (argv[1] == echo_flag)
    return serve_echo({argv + 2, argv + argc});
  if (argv[1] == items_flag)
    return serve_items(std::stoul(argv[2]));
  return std::nullopt;
}

} // namespace bench
