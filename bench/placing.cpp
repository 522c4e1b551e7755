#include <thread>

#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>

#include <flame/place.hpp>

#include "limits.hpp"
#include "subjects.hpp"

namespace bench {

namespace {

using place_atom = caf::atom_constant<caf::atom("place")>;
using echo_atom = caf::atom_constant<caf::atom("echo")>;
using end_atom = caf::atom_constant<caf::atom("end")>;

/// Children that are there at a time. A linked actor costs more to link the
/// more it has been linked to, which is CAF's affair.
constexpr std::size_t batch = 200;

caf::behavior echo_child(caf::event_based_actor* self) {
  return {[](const std::string& text) {
            return text;
          },
          [self](end_atom) {
            self->quit();
          }};
}

/// Places children or talks to one of them, one step after the other, and
/// answers with the times.
class placing_actor final : public caf::event_based_actor {
public:
  using times = std::vector<double>;

  placing_actor(caf::actor_config& cfg, flame::pool pool)
    : event_based_actor(cfg),
      pool_(std::move(pool)) {
    // nop
  }

  caf::behavior make_behavior() override {
    return {
      [this](place_atom, std::size_t count) {
        begin_batch(count);
        place();
        return done_;
      },
      [this](echo_atom, std::size_t count) {
        begin_batch(count);
        exchange();
        return done_;
      },
      [this](end_atom) {
        for (auto& each : children_)
          send(each, end_atom::value);
        children_.clear();
      },
    };
  }

  void on_exit() override {
    children_.clear();
  }

private:
  void begin_batch(std::size_t count) {
    done_ = make_response_promise<times>();
    times_.clear();
    count_ = count;
  }

  void place() {
    begin_ = clock::now();
    flame::place_child(this, pool_, echo_child)
      .then(
        [this](const caf::actor& child) {
          auto is_last = finish_step();
          children_.push_back(child);
          if (!is_last)
            place();
        },
        [this](caf::error& error) {
          done_.deliver(std::move(error));
        });
  }

  void exchange() {
    begin_ = clock::now();
    request(children_.front(), caf::infinite, text_)
      .then([this](const std::string&) {
        if (!finish_step())
          exchange();
      });
  }

  bool finish_step() {
    times_.push_back(micros(clock::now() - begin_));
    if (times_.size() < count_)
      return false;
    done_.deliver(std::move(times_));
    return true;
  }

  flame::pool pool_;
  std::vector<caf::actor> children_;
  caf::typed_response_promise<times> done_;
  times times_;
  std::size_t count_ = 0;
  clock::time_point begin_;
  const std::string text_ = std::string(ping_pong::message_size, 'x');
};

template <class What>
double p50(caf::scoped_actor& self, const caf::actor& placer, What what,
           std::size_t count) {
  std::vector<double> result;
  self->request(placer, caf::infinite, what, count)
    .receive(
      [&](std::vector<double>& times) {
        result = std::move(times);
      },
      [&](caf::error& error) {
        throw std::runtime_error{self->system().render(error)};
      });
  return median(std::move(result));
}

/// How many steps all of these make per second, `count` each.
template <class What>
double rate_of(caf::scoped_actor& self, const std::vector<caf::actor>& placers,
               What what, std::size_t count) {
  auto begin = clock::now();
  for (auto& each : placers)
    self->send(each, what, count);
  for (std::size_t i = 0; i < placers.size(); ++i)
    self->receive([](const std::vector<double>&) {},
                  [&](caf::error& error) {
                    throw std::runtime_error{self->system().render(error)};
                  });
  return static_cast<double>(placers.size() * count)
         / std::chrono::duration<double>(clock::now() - begin).count();
}

/// The pool offers no event for this, and it is not part of any figure.
void end_children(const std::vector<caf::actor>& placers,
                  const flame::pool& pool) {
  for (auto& each : placers)
    caf::anon_send(each, end_atom::value);
  while (pool.stats().in_use > 0)
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
}

void end(caf::scoped_actor& self, const std::vector<caf::actor>& placers) {
  for (auto& each : placers) {
    self->send_exit(each, caf::exit_reason::user_shutdown);
    self->wait_for(each);
  }
}

figure measure_one_by_one(flame::node& node, const flame::pool& pool,
                          const effort& how, progress& line) {
  series placed{"place_child p50", "us", {}};
  series raw{"remote request p50", "us", {}};
  caf::scoped_actor self{node.system()};
  std::vector placers{self->spawn<placing_actor>(pool)};
  auto& placer = placers.front();
  for (std::size_t i = 0; i < how.rounds; ++i) {
    line.show("placing children", i, how.rounds);
    // The first ones of a round pay for what the others find warm.
    p50(self, placer, place_atom::value, 20);
    end_children(placers, pool);
    placed.rounds.push_back(p50(self, placer, place_atom::value, batch));
    raw.rounds.push_back(p50(self, placer, echo_atom::value, 5 * batch));
    end_children(placers, pool);
  }
  end(self, placers);
  return ratio_to("place_child_p50_ratio", placed, raw, bound::at_most, 2);
}

figure measure_many(flame::node& node, const flame::pool& pool,
                    const effort& how, progress& line) {
  constexpr std::size_t count = 20;
  series placed{"children placed by 64 actors", "/s", {}};
  series raw{"remote requests of 64 actors", "/s", {}};
  caf::scoped_actor self{node.system()};
  std::vector<caf::actor> placers;
  for (std::size_t i = 0; i < 64; ++i)
    placers.push_back(self->spawn<placing_actor>(pool));
  for (std::size_t i = 0; i < how.rounds; ++i) {
    line.show("placing many children", i, how.rounds);
    placed.rounds.push_back(rate_of(self, placers, place_atom::value, count));
    raw.rounds.push_back(rate_of(self, placers, echo_atom::value, 5 * count));
    end_children(placers, pool);
  }
  end(self, placers);
  return beside("place_children_per_s", placed, raw);
}

} // namespace

figures measure_placing(flame::node& node, const effort& how, progress& line) {
  pinned here{how.cpus};
  auto pool = node.pool("children", {.min = 1,
                                     .max = 1,
                                     .max_concurrency = 10'000,
                                     .idle_shutdown_after = flame::infinite,
                                     .backend = "process",
                                     .log = "off"});
  figures result{measure_one_by_one(node, pool, how, line),
                 measure_many(node, pool, how, line)};
  pool.shutdown();
  return result;
}

} // namespace bench
