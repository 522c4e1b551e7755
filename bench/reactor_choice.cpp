/// `flame_reactor_bench`: who is to wait on lanes for actors, Asio or a CAF
/// broker? Both echo 64 bytes with a peer process over unix sockets, and hand
/// each reply to an event-based actor.
#include <cerrno>
#include <functional>
#include <future>
#include <iostream>
#include <memory>
#include <string_view>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <caf/io/network/default_multiplexer.hpp>
#include <caf/io/network/scribe_impl.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include "limits.hpp"
#include "process.hpp"
#include "sampling.hpp"

namespace asio = boost::asio;
namespace io = caf::io;

namespace {

using bytes = std::vector<char>;
using run_atom = caf::atom_constant<caf::atom("run")>;
using end_atom = caf::atom_constant<caf::atom("end")>;

constexpr auto message_size = bench::ping_pong::message_size;

bool is_blocked() {
  return errno == EAGAIN || errno == EWOULDBLOCK;
}

void send_request(int fd) {
  const char data[message_size] = {};
  if (::send(fd, data, sizeof(data), MSG_NOSIGNAL) != message_size)
    throw std::runtime_error{"a lane is full or closed"};
}

// -- the caller: the same for all ---------------------------------------------

/// How a caller uses a lane. Replies come to it as `bytes`.
struct lane_access {
  /// Says who gets the replies from now on.
  std::function<void(const caf::actor&)> attach;
  std::function<void(caf::event_based_actor*)> send_request;
};

/// Makes requests one after the other until it has made enough.
class caller final : public caf::event_based_actor {
public:
  caller(caf::actor_config& cfg, const lane_access& lane, std::size_t count,
         std::promise<std::vector<double>> done)
    : event_based_actor(cfg),
      lane_(lane),
      count_(count),
      done_(std::move(done)) {
    times_.reserve(count);
  }

  caf::behavior make_behavior() override {
    return {[this](run_atom) {
              next();
            },
            [this](const bytes&) {
              answered();
            }};
  }

private:
  void next() {
    begin_ = bench::clock::now();
    lane_.send_request(this);
  }

  void answered() {
    times_.push_back(bench::micros(bench::clock::now() - begin_));
    if (times_.size() < count_)
      return next();
    done_.set_value(std::move(times_));
    quit();
  }

  const lane_access& lane_;
  std::size_t count_;
  std::promise<std::vector<double>> done_;
  std::vector<double> times_;
  bench::clock::time_point begin_;
};

// -- Asio ---------------------------------------------------------------------

/// A lane that one thread waits for; the request is sent by the caller itself.
class asio_lane {
public:
  asio_lane(asio::io_context& loop, int fd) : socket_(loop, ::dup(fd)) {
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  }

  void attach(const caf::actor& whom) {
    whom_ = whom;
  }

  void request() {
    send_request(socket_.native_handle());
    wait();
  }

private:
  void wait() {
    socket_.async_wait(asio::posix::stream_descriptor::wait_read,
                       [this](const auto& ec) {
                         if (!ec)
                           receive();
                       });
  }

  void receive() {
    bytes reply(message_size);
    auto got = ::recv(socket_.native_handle(), reply.data(), reply.size(), 0);
    if (got < 0 && is_blocked())
      wait();
    else
      caf::anon_send(whom_, std::move(reply));
  }

  asio::posix::stream_descriptor socket_;
  caf::actor whom_;
};

class asio_loop {
public:
  asio_loop()
    : thread_([this] {
        io_.run();
      }) {
    // nop
  }

  ~asio_loop() {
    work_.reset();
    io_.stop();
  }

  asio::io_context& io() {
    return io_;
  }

private:
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{
    io_.get_executor()};
  std::jthread thread_;
};

// -- a broker -----------------------------------------------------------------

/// CAF asks each connection for its address and port, and aborts on a socket
/// that has none.
struct unix_scribe final : io::network::scribe_impl {
  using scribe_impl::scribe_impl;

  std::string addr() const override {
    return "unix";
  }

  uint16_t port() const override {
    return 0;
  }
};

/// One lane. `caf::actor`: who gets the replies; `bytes`: a request.
caf::behavior lane_broker(io::broker* self, int fd) {
  auto& multiplexer = static_cast<io::network::default_multiplexer&>(
    self->system().middleman().backend());
  auto scribe = caf::make_counted<unix_scribe>(multiplexer, ::dup(fd));
  auto lane = scribe->hdl();
  self->add_scribe(std::move(scribe));
  self->configure_read(lane, io::receive_policy::exactly(message_size));
  auto whom = std::make_shared<caf::actor>();
  return {
    [=](const caf::actor& caller) {
      *whom = caller;
    },
    [=](const bytes& request) {
      self->write(lane, request.size(), request.data());
      self->flush(lane);
    },
    [=](io::new_data_msg& reply) {
      self->send(*whom, std::move(reply.buf));
    },
    [](const io::connection_closed_msg&) {},
    [=](end_atom) {
      self->quit();
    },
  };
}

// -- the measurement ----------------------------------------------------------

struct turn {
  double p50;
  double rate;
};

turn run_callers(caf::actor_system& system,
                 const std::vector<lane_access>& lanes, std::size_t count) {
  std::vector<std::future<std::vector<double>>> pending;
  std::vector<caf::actor> callers;
  for (auto& lane : lanes) {
    std::promise<std::vector<double>> done;
    pending.push_back(done.get_future());
    callers.push_back(system.spawn<caller>(lane, count, std::move(done)));
    lane.attach(callers.back());
  }
  auto begin = bench::clock::now();
  for (auto& each : callers)
    caf::anon_send(each, run_atom::value);
  std::vector<double> times;
  for (auto& each : pending) {
    auto part = each.get();
    times.insert(times.end(), part.begin(), part.end());
  }
  auto took = bench::clock::now() - begin;
  return {bench::median(times), static_cast<double>(lanes.size() * count) * 1e6
                                  / bench::micros(took)};
}

struct candidate {
  std::string name;
  std::vector<lane_access> lanes;
  std::vector<double> p50 = {};
  std::vector<double> rate = {};
};

/// All candidates have lanes of their own, to one peer process each.
class contest {
public:
  contest(caf::actor_system& system, std::size_t lanes)
    : system_(system),
      asio_peer_(lanes),
      broker_peer_(lanes),
      reader_peer_(lanes) {
    candidate by_asio{"Asio", {}};
    candidate by_broker{"broker", {}};
    candidate by_reader{"broker reads, caller writes", {}};
    for (std::size_t i = 0; i < lanes; ++i) {
      by_asio.lanes.push_back(over_asio(asio_peer_.fd(i)));
      by_broker.lanes.push_back(over_broker(broker_peer_.fd(i)));
      by_reader.lanes.push_back(over_reader(reader_peer_.fd(i)));
    }
    candidates_ = {std::move(by_asio), std::move(by_broker),
                   std::move(by_reader)};
  }

  ~contest() {
    for (auto& each : brokers_)
      caf::anon_send(each, end_atom::value);
  }

  void run(std::size_t rounds, std::size_t count) {
    for (auto& each : candidates_)
      run_callers(system_, each.lanes, count / 10);
    for (std::size_t i = 0; i < rounds; ++i)
      for (auto& each : candidates_) {
        auto result = run_callers(system_, each.lanes, count);
        each.p50.push_back(result.p50);
        each.rate.push_back(result.rate);
      }
  }

  const std::vector<candidate>& results() const {
    return candidates_;
  }

private:
  lane_access over_asio(int fd) {
    auto lane = std::make_shared<asio_lane>(loop_.io(), fd);
    return {[lane](const caf::actor& whom) {
              lane->attach(whom);
            },
            [lane](caf::event_based_actor*) {
              lane->request();
            }};
  }

  caf::actor spawn_broker(int fd) {
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
    brokers_.push_back(system_.middleman().spawn_broker(lane_broker, fd));
    return brokers_.back();
  }

  lane_access over_broker(int fd) {
    auto broker = spawn_broker(fd);
    return {attach_to(broker), [broker](caf::event_based_actor* self) {
              self->send(broker, bytes(message_size));
            }};
  }

  lane_access over_reader(int fd) {
    return {attach_to(spawn_broker(fd)), [fd](caf::event_based_actor*) {
              send_request(fd);
            }};
  }

  /// Waits until the broker knows the caller, as a reply may come before.
  std::function<void(const caf::actor&)> attach_to(const caf::actor& broker) {
    return [this, broker](const caf::actor& whom) {
      caf::scoped_actor self{system_};
      self->request(broker, caf::infinite, whom)
        .receive([] {},
                 [](const caf::error&) {
                   throw std::runtime_error{"the broker has ended"};
                 });
    };
  }

  caf::actor_system& system_;
  asio_loop loop_;
  bench::ping_pong asio_peer_;
  bench::ping_pong broker_peer_;
  bench::ping_pong reader_peer_;
  std::vector<caf::actor> brokers_;
  std::vector<candidate> candidates_;
};

void print(std::size_t lanes, std::string_view cpus, const contest& of) {
  for (auto& each : of.results())
    fmt::print("{:>5}  {:>4}  {:<28}  {:>9.1f}  {:>9.0f}\n", lanes, cpus,
               each.name, bench::median(each.p50), bench::median(each.rate));
}

void measure(std::string_view name, const std::vector<int>& cpus) {
  bench::pinned here{cpus};
  caf::actor_system_config config;
  config.set("scheduler.policy", caf::atom("sharing"));
  config.set("scheduler.max-threads", std::size_t{2});
  config.set("middleman.workers", std::size_t{0});
  config.load<io::middleman>();
  caf::actor_system system{config};
  for (std::size_t lanes : {1, 8}) {
    contest both{system, lanes};
    both.run(9, 16'000 / lanes);
    print(lanes, name, both);
  }
}

} // namespace

int main(int argc, char** argv) {
  if (auto status = bench::run_as_peer(argc, argv))
    return *status;
  fmt::print("{:>5}  {:>4}  {:<28}  {:>9}  {:>9}\n", "lanes", "CPUs", "reactor",
             "p50 us", "calls/s");
  measure("one", {bench::usable_cpus().back()});
  measure("all", bench::usable_cpus());
}
