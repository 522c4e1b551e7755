/// What goes wrong, and when: drawn from a seed.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <thread>

#include <csignal>

#include "processes.hpp"

namespace chaos {

using namespace std::chrono_literals;

/// Draws faults one after the other. Which fault comes when follows from the
/// seed alone; which of the processes that are there it hits, from the seed and
/// from which are there.
class injector {
public:
  /// @param kill_actor kills one of the actors of the parent's node, of which
  ///        it may choose by the number
  injector(unsigned seed, std::function<void(std::size_t)> kill_actor)
    : kill_actor_(std::move(kill_actor)),
      random_(seed) {
    // nop
  }

  std::chrono::milliseconds pause() {
    return std::chrono::milliseconds{below(80) + 10};
  }

  void strike() {
    static constexpr std::array faults{
      fault{"runners killed", 1, SIGKILL},
      fault{"runners told to end", 1, SIGTERM},
      fault{"runners stopped for good", 1, SIGSTOP},
      fault{"runners stopped for a moment", 1, SIGSTOP, true},
      fault{"zygotes killed", 2, SIGKILL},
      fault{"workers killed", 3, SIGKILL},
      fault{"workers killed", 3, SIGKILL},
      fault{"workers crashed", 3, SIGSEGV},
      fault{"workers stopped for good", 3, SIGSTOP},
      fault{"workers stopped for a moment", 3, SIGSTOP, true},
      fault{"actors of the node killed", 0, SIGKILL},
    };
    auto& what = faults[below(faults.size())];
    auto which = below(1 << 16);
    auto moment = std::chrono::milliseconds{below(100)};
    if (what.depth == 0) {
      // Within the restarts that the node's supervisor takes, which are told
      // from a pool that is broken by their number.
      auto now = std::chrono::steady_clock::now();
      if (now - actor_killed_at_ < 1100ms)
        return;
      actor_killed_at_ = now;
      ++tally_[what.name];
      return kill_actor_(which);
    }
    auto victims = processes_at(what.depth);
    if (victims.empty())
      return;
    auto victim = victims[which % victims.size()];
    if (::kill(victim, what.signal) != 0)
      return;
    ++tally_[what.name];
    if (!what.goes_on)
      return;
    std::this_thread::sleep_for(moment);
    ::kill(victim, SIGCONT);
  }

  const std::map<std::string, std::size_t>& tally() const {
    return tally_;
  }

private:
  struct fault {
    const char* name;
    /// Below the parent; 0 for its actors.
    std::size_t depth;
    int signal;
    bool goes_on = false;
  };

  std::size_t below(std::size_t end) {
    return std::uniform_int_distribution<std::size_t>{0, end - 1}(random_);
  }

  std::function<void(std::size_t)> kill_actor_;
  std::chrono::steady_clock::time_point actor_killed_at_ = {};
  std::mt19937 random_;
  std::map<std::string, std::size_t> tally_;
};

} // namespace chaos
