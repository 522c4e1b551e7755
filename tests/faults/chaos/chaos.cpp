// A parent with three pools under constant work, whose runners and workers are
// killed, stopped, crashed and told to end at random, and whose own actors are
// killed. At the end every call is
// accounted for, the supervised children are there, and nothing is left.
//
//   chaos [--seed N] [--seconds S]
#include <algorithm>
#include <array>
#include <future>
#include <iostream>

#include <malloc.h>

#include <CLI/CLI.hpp>
#include <caf/all.hpp>
#include <fmt/format.h>

#include <flame/flame.hpp>

#include "injector.hpp"
#include "ledger.hpp"

namespace chaos {

namespace {

using kind = ledger::kind;

using ping_atom = caf::atom_constant<caf::atom("ping")>;

// -- what runs on runners -----------------------------------------------------

call_id work(const std::string& path, call_id id) {
  put_down(path, id);
  std::this_thread::sleep_for(std::chrono::milliseconds{id % 5});
  return id;
}

call_id crash(const std::string& path, call_id id) {
  put_down(path, id);
  if (id % 2 == 0)
    std::abort();
  std::raise(SIGSEGV);
  return id;
}

/// Does not stop when it is told to.
call_id ignore_stop(const std::string& path, call_id id) {
  put_down(path, id);
  for (;;)
    std::this_thread::sleep_for(10ms);
}

call_id emit(flame::emitter<std::uint64_t>& out, const std::string& path,
             call_id id) {
  put_down(path, id);
  for (std::uint64_t i = 0; i < 200; ++i)
    out(i);
  return id;
}

caf::behavior child(caf::event_based_actor*) {
  return {[](ping_atom) {
    return 1;
  }};
}

// -- the parent ---------------------------------------------------------------

/// An actor that has some calls under way all the time.
class calling_actor final : public caf::event_based_actor {
public:
  calling_actor(caf::actor_config& cfg, std::shared_ptr<ledger> book,
                flame::pool pool, const std::atomic<bool>& end)
    : event_based_actor(cfg),
      book_(std::move(book)),
      pool_(std::move(pool)),
      end_(end) {
    // nop
  }

  caf::behavior make_behavior() override {
    for (int i = 0; i < 6; ++i)
      next(i % 3 == 0);
    return {[](ping_atom) {}};
  }

private:
  void next(bool streams) {
    if (end_) {
      if (--under_way_ == 0)
        quit();
      return;
    }
    auto id = book_->begin(kind::once);
    auto on_error = [=, this](const flame::call_error& error) {
      book_->failed(id, error);
      next(streams);
    };
    auto on_end = [=, this](call_id) {
      book_->returned(id);
      next(streams);
    };
    if (streams)
      flame::stream(this, pool_, emit, book_->path(), id)
        .then([](std::uint64_t) {}, on_end, on_error);
    else
      flame::call(this, pool_, work, book_->path(), id).then(on_end, on_error);
  }

  std::shared_ptr<ledger> book_;
  flame::pool pool_;
  const std::atomic<bool>& end_;
  int under_way_ = 6;
};

class scene {
public:
  scene(flame::node& node, std::shared_ptr<ledger> book)
    : node_(node),
      book_(std::move(book)) {
    threads_ = pool("threads", flame::isolation::thread);
    workers_ = pool("workers", flame::isolation::process);
    mixed_ = pool("mixed", flame::isolation::thread);
  }

  void start() {
    for (auto* each : {&threads_, &workers_, &mixed_})
      top_.push_back(supervised(*each));
    for (int i = 0; i < 2; ++i) {
      callers_.emplace_back([this] {
        call_all_the_time(threads_, {});
      });
      callers_.emplace_back([this] {
        call_all_the_time(workers_, {});
      });
    }
    callers_.emplace_back([this] {
      call_all_the_time(mixed_, {.isolation = flame::isolation::process});
    });
    callers_.emplace_back([this] {
      repeat_all_the_time();
    });
    callers_.emplace_back([this] {
      stream_all_the_time();
    });
    callers_.emplace_back([this] {
      cast_all_the_time();
    });
    callers_.emplace_back([this] {
      misbehave_all_the_time();
    });
    for (auto* each : {&threads_, &workers_, &mixed_})
      actors_.push_back(
        node_.system().spawn<calling_actor>(book_, *each, std::cref(end_)));
  }

  /// @returns what is wrong with the supervised children
  std::vector<std::string> finish() {
    end_ = true;
    callers_.clear();
    for (auto& each : actors_)
      await_end(std::move(each));
    actors_.clear();
    std::vector<std::string> wrong;
    for (auto& each : top_)
      if (!all_alive(each))
        wrong.push_back("a supervised child is missing");
    for (auto& each : top_)
      each.shutdown();
    top_.clear();
    for (auto* each : {&threads_, &workers_, &mixed_})
      each->shutdown();
    return wrong;
  }

  std::string stats() const {
    std::string result;
    for (auto* each : {&threads_, &workers_, &mixed_}) {
      auto now = each->stats();
      result +=
        fmt::format("  {:8} {} boots, {} failed, {} lost, {} let go, {} "
                    "retries\n",
                    each->name(), now.boots, now.failed_boots, now.lost,
                    now.retired, now.retries);
    }
    return result;
  }

private:
  flame::pool pool(const std::string& name, flame::isolation isolation) {
    return node_.pool(
      name, {.min = 1,
             .max = 4,
             .max_concurrency = 6,
             .timeout = 5s,
             .shutdown_timeout = 2s,
             .stop_grace = 200ms,
             .drain_timeout = 1s,
             .idle_shutdown_after = 500ms,
             .backend = "process",
             .isolation = isolation,
             .heartbeat = {100ms, 1s},
             .log = "off",
             .on_cast_error = [book = book_](const flame::call_error& error) {
               book->cast_failed(error);
             }});
  }

  /// Whatever happens to them is no reason to give up.
  flame::supervisor supervised(const flame::pool& where) {
    flame::supervisor_options options;
    options.intensity = 100'000;
    options.period = 1s;
    options.min_backoff = 10ms;
    options.max_backoff = 200ms;
    options.log = "off";
    for (auto* id : {"first", "second"})
      options.children.push_back({.id = id,
                                  .start = flame::on(where, child),
                                  .restart = flame::restart::permanent,
                                  .shutdown = 1s});
    return flame::spawn_supervisor(node_.system(), std::move(options));
  }

  bool all_alive(const flame::supervisor& what) {
    caf::scoped_actor self{node_.system()};
    for (auto* id : {"first", "second"}) {
      auto answered = false;
      // Its runner may have been hit last, and be found out a little later.
      for (int i = 0; i < 20 && !answered; ++i)
        self->request(what.child(id).handle(), 5s, ping_atom::value)
          .receive(
            [&](int) {
              answered = true;
            },
            [](const caf::error&) {
              std::this_thread::sleep_for(100ms);
            });
      if (!answered)
        return false;
    }
    return true;
  }

  void await_end(caf::actor whom) {
    caf::scoped_actor self{node_.system()};
    self->wait_for(whom);
  }

  template <class F>
  void make(kind what, F call) {
    auto id = book_->begin(what);
    try {
      call(id);
      book_->returned(id);
    } catch (const flame::call_error& error) {
      book_->failed(id, error);
    }
  }

  void call_all_the_time(const flame::pool& where,
                         const flame::call_options& options) {
    while (!end_) {
      make(kind::once, [&](call_id id) {
        flame::call(where, options, work, book_->path(), id);
      });
      make(kind::once, [&](call_id id) {
        flame::async(where, options, work, book_->path(), id).get();
      });
    }
  }

  void repeat_all_the_time() {
    flame::call_options options;
    options.idempotent = true;
    options.retry = flame::retry_options{.attempts = 3, .backoff = 10ms};
    for (bool isolated = false; !end_; isolated = !isolated)
      make(kind::idempotent, [&](call_id id) {
        flame::call(isolated ? workers_ : threads_, options, work,
                    book_->path(), id);
      });
  }

  void stream_all_the_time() {
    for (bool isolated = false; !end_; isolated = !isolated)
      make(kind::once, [&](call_id id) {
        auto items = flame::stream(isolated ? workers_ : threads_, emit,
                                   book_->path(), id);
        for (auto item : items)
          static_cast<void>(item);
        items.result();
      });
  }

  void cast_all_the_time() {
    for (bool isolated = false; !end_; isolated = !isolated) {
      auto id = book_->begin(kind::cast);
      flame::cast(isolated ? workers_ : mixed_, work, book_->path(), id);
      std::this_thread::sleep_for(3ms);
    }
  }

  /// Functions that crash, or do not stop.
  void misbehave_all_the_time() {
    for (int i = 0; !end_; ++i) {
      std::this_thread::sleep_for(50ms);
      make(kind::once, [&](call_id id) {
        if (i % 4 != 0)
          flame::call(workers_, crash, book_->path(), id);
        else
          flame::call(i % 16 == 0 ? threads_ : workers_, {.timeout = 100ms},
                      ignore_stop, book_->path(), id);
      });
    }
  }

  flame::node& node_;
  std::shared_ptr<ledger> book_;
  flame::pool threads_;
  flame::pool workers_;
  flame::pool mixed_;
  std::vector<flame::supervisor> top_;
  std::atomic<bool> end_ = false;
  std::vector<caf::actor> actors_;
  std::vector<std::jthread> callers_;
};

// -- verdicts -----------------------------------------------------------------

double heap_mib() {
  return static_cast<double>(::mallinfo2().uordblks) / (1 << 20);
}

/// The heap in use, one sample a second. It includes the ledger, which keeps
/// three bytes of each call.
class memory_watch {
public:
  void sample() {
    samples_.push_back(heap_mib());
  }

  /// Of the last quarter over the second: the first is that of growing.
  double growth() const {
    auto quarter = samples_.size() / 4;
    if (quarter < 2)
      return 0;
    return median_of(3 * quarter, samples_.size())
           - median_of(quarter, 2 * quarter);
  }

private:
  double median_of(std::size_t from, std::size_t to) const {
    std::vector<double> part(samples_.begin() + static_cast<long>(from),
                             samples_.begin() + static_cast<long>(to));
    std::ranges::sort(part);
    return part[part.size() / 2];
  }

  std::vector<double> samples_;
};

template <class F>
bool comes_true(F condition) {
  for (int i = 0; i < 500; ++i) {
    if (condition())
      return true;
    std::this_thread::sleep_for(20ms);
  }
  return false;
}

struct settings {
  unsigned seed = 1;
  unsigned seconds = 20;
};

void print(const settings& what, const ledger::verdict& verdict,
           const injector& faults, double growth) {
  std::cout << fmt::format("seed {}, {} s\n", what.seed, what.seconds)
            << fmt::format("  {} calls: {} returned, {} failed; {} casts: {} "
                           "failed; {} runs, {} of them repeated\n",
                           verdict.calls, verdict.returned, verdict.failed,
                           verdict.casts, verdict.failed_casts, verdict.runs,
                           verdict.runs_again);
  for (auto& [code, count] : verdict.codes)
    std::cout << fmt::format("    {:6} {}\n", count, flame::to_string(code));
  for (auto& [name, count] : faults.tally())
    std::cout << fmt::format("  {:4} {}\n", count, name);
  std::cout << fmt::format("  heap grew by {:.1f} MiB\n", growth);
}

/// Failures that are none of the faults'.
std::vector<std::string> strange(const ledger::verdict& verdict) {
  std::vector<std::string> result;
  for (auto& [code, count] : verdict.codes)
    switch (code) {
      case flame::errc::runner_lost:
      case flame::errc::call_crashed:
      case flame::errc::timeout:
      case flame::errc::cancelled:
      case flame::errc::boot_failed:
        break;
      default:
        result.push_back(fmt::format("{} calls failed with {}", count,
                                     flame::to_string(code)));
    }
  return result;
}

int run(flame::node& node, const settings& what) {
  auto threads_before = entries_of("/proc/self/task");
  auto files_before = entries_of("/proc/self/fd");
  auto book =
    std::make_shared<ledger>((std::filesystem::temp_directory_path()
                              / ("flame-chaos-" + std::to_string(::getpid())))
                               .string());
  injector faults{what.seed, [&](std::size_t which) {
                    auto top = node.root();
                    static constexpr std::array names{
                      "gateway", "pool threads", "pool workers", "pool mixed"};
                    auto id = names[which % names.size()];
                    if (auto victim = top.child(id).now())
                      caf::anon_send_exit(victim, caf::exit_reason::kill);
                  }};
  memory_watch memory;
  std::vector<std::string> wrong;
  {
    scene all{node, book};
    all.start();
    auto begin = std::chrono::steady_clock::now();
    auto end = begin + std::chrono::seconds{what.seconds};
    auto next_sample = begin;
    while (std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(faults.pause());
      faults.strike();
      if (std::chrono::steady_clock::now() < next_sample)
        continue;
      next_sample += 1s;
      memory.sample();
    }
    wrong = all.finish();
    std::cout << all.stats();
  }
  // What a pool lets go may take a moment to be no more.
  if (!comes_true([] {
        return descendants().empty();
      }))
    wrong.push_back(fmt::format("{} processes are left", descendants().size()));
  auto verdict = book->close();
  auto growth = memory.growth();
  print(what, verdict, faults, growth);
  for (auto& each : strange(verdict))
    wrong.push_back(std::move(each));
  for (auto& each : verdict.wrong)
    wrong.push_back(std::move(each));
  if (growth > 16)
    wrong.push_back(fmt::format("the heap grew by {:.1f} MiB", growth));
  if (auto now = entries_of("/proc/self/task"); now > threads_before + 8)
    wrong.push_back(fmt::format("{} threads, where {} were at the beginning",
                                now, threads_before));
  if (auto now = entries_of("/proc/self/fd"); now > files_before + 16)
    wrong.push_back(fmt::format(
      "{} descriptors, where {} were at the beginning", now, files_before));
  for (auto& each : wrong)
    std::cout << "WRONG: " << each << '\n';
  std::cout << (wrong.empty() ? "all is accounted for" : "failed") << std::endl;
  return wrong.empty() ? 0 : 1;
}

int main(flame::node& node) {
  settings what;
  CLI::App app{
    "Calls under constant faults, and whether all are accounted for."};
  app.name("chaos");
  app.add_option("--seed", what.seed, "Of the faults; default 1")->take_last();
  app.add_option("--seconds", what.seconds, "How long; default 20")
    ->take_last()
    ->check(CLI::Range(1, 86'400));
  auto arguments = node.args();
  try {
    app.parse(std::vector<std::string>{arguments.rbegin(), arguments.rend()});
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  return run(node, what);
}

} // namespace

} // namespace chaos

int main(int argc, char** argv) {
  return flame::run(argc, argv, chaos::main, [](flame::node_options& options) {
    options.config =
      flame::configuration::load({.flags = {{"node.log", "off"}}});
  });
}
