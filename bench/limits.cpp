#include "limits.hpp"

#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

#include <unistd.h>

namespace bench {

namespace {

constexpr std::string_view peer_flag = "--bench-peer";
constexpr int first_inherited = 3;

using message = std::array<char, ping_pong::message_size>;

bool write_all(int fd, const message& bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    auto count = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (count <= 0)
      return false;
    done += static_cast<std::size_t>(count);
  }
  return true;
}

bool read_all(int fd, message& bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    auto count = ::read(fd, bytes.data() + done, bytes.size() - done);
    if (count <= 0)
      return false;
    done += static_cast<std::size_t>(count);
  }
  return true;
}

/// Ends when the benchmark does, which closes its end.
void echo(int fd) {
  message bytes;
  while (read_all(fd, bytes) && write_all(fd, bytes))
    continue;
}

int serve_echo(int sockets) {
  std::vector<std::jthread> others;
  for (int i = 1; i < sockets; ++i)
    others.emplace_back(echo, first_inherited + i);
  echo(first_inherited);
  return 0;
}

} // namespace

ping_pong::ping_pong(std::size_t sockets) {
  std::vector<descriptor> theirs;
  std::vector<int> inherited;
  for (std::size_t i = 0; i < sockets; ++i) {
    auto pair = make_sockets();
    sockets_.push_back(std::move(pair.first));
    inherited.push_back(pair.second.get());
    theirs.push_back(std::move(pair.second));
  }
  peer_.emplace(std::vector<std::string>{own_program(), std::string{peer_flag},
                                         std::to_string(sockets)},
                inherited);
}

void ping_pong::round_trip(std::size_t socket) const {
  message bytes{};
  auto fd = sockets_[socket].get();
  if (!write_all(fd, bytes) || !read_all(fd, bytes))
    throw std::system_error{errno, std::generic_category(), "ping-pong"};
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
  if (argc != 3 || argv[1] != peer_flag)
    return std::nullopt;
  return serve_echo(std::stoi(argv[2]));
}

} // namespace bench
