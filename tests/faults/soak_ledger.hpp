/// What became of many calls: where each ran, and how each ended.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <flame/flame.hpp>

namespace tests {

/// Where a call ran.
struct whereabouts {
  int pid = 0;
  /// The number in the runner's name, which its pool never gives twice.
  unsigned runner = 0;
};

inline unsigned number_of(const std::string& runner) {
  auto dash = runner.rfind('-');
  return dash == runner.npos
           ? 0
           : static_cast<unsigned>(std::stoul(runner.substr(dash + 1)));
}

/// Memory that this process shares with its runners, so that what they write is
/// still there when they have been killed. An entry for each call.
class shared_ledger {
public:
  struct entry {
    std::atomic<unsigned> runs;
    std::atomic<unsigned> runner;
    std::atomic<int> pid;
  };

  /// Makes one, whose descriptor runners are to be told.
  explicit shared_ledger(std::size_t size)
    : file_(::memfd_create("ledger", MFD_CLOEXEC)),
      size_(size) {
    if (::ftruncate(file_.get(), static_cast<off_t>(size * sizeof(entry))) != 0)
      throw std::runtime_error("no memory to share");
    map();
  }

  /// Opens the one that is `descriptor` in the process `owner`.
  shared_ledger(int owner, int descriptor, std::size_t size)
    : file_(::open(
      ("/proc/" + std::to_string(owner) + "/fd/" + std::to_string(descriptor))
        .c_str(),
      O_RDWR | O_CLOEXEC)),
      size_(size) {
    map();
  }

  ~shared_ledger() {
    ::munmap(entries_, size_ * sizeof(entry));
  }

  shared_ledger(const shared_ledger&) = delete;
  shared_ledger& operator=(const shared_ledger&) = delete;

  int descriptor() const {
    return file_.get();
  }

  std::size_t size() const {
    return size_;
  }

  entry& operator[](std::size_t call) const {
    return entries_[call];
  }

private:
  void map() {
    auto* where = ::mmap(nullptr, size_ * sizeof(entry), PROT_READ | PROT_WRITE,
                         MAP_SHARED, file_.get(), 0);
    if (where == MAP_FAILED)
      throw std::runtime_error("the ledger cannot be mapped");
    // New memory of a file is zero, which is what an empty entry is.
    entries_ = static_cast<entry*>(where);
  }

  flame::detail::unique_fd file_;
  std::size_t size_;
  entry* entries_ = nullptr;
};

/// Runs on a runner: writes down that call `id` has begun, works, and says
/// where that was.
inline whereabouts work_by_ledger(std::size_t id, int descriptor,
                                  std::size_t size,
                                  std::chrono::microseconds time) {
  static const auto* parent = flame::parent();
  static const shared_ledger ledger{parent->pid, descriptor, size};
  static const whereabouts here{::getpid(), number_of(parent->runner)};
  auto& mine = ledger[id];
  mine.pid = here.pid;
  mine.runner = here.runner;
  mine.runs += 1;
  if (time.count() > 0)
    std::this_thread::sleep_for(time);
  return here;
}

/// The calls of a soak test, from all callers. Thread-safe.
class traffic {
public:
  struct failure {
    std::size_t id = 0;
    flame::errc code = {};
    std::string text;
    std::string runner;
  };

  traffic(flame::pool where, std::size_t most)
    : pool(std::move(where)),
      ledger_(most),
      returned_(most),
      failed_(most) {
    // nop
  }

  /// A new call's number; one that `has` does not know when there are to be no
  /// more.
  std::size_t open() {
    if (is_over_)
      return ledger_.size();
    return std::min(issued_++, ledger_.size());
  }

  bool has(std::size_t id) const {
    return id < ledger_.size();
  }

  void end() {
    is_over_ = true;
  }

  void returns(std::size_t id, const whereabouts& here) {
    auto& entry = ledger_[id];
    if (entry.pid != here.pid || entry.runner != here.runner || entry.runs != 1)
      ++mistaken_;
    ++returned_[id];
  }

  void fails(std::size_t id, const flame::call_error& error) {
    {
      std::lock_guard guard{mutex_};
      failures_.push_back({id, error.code(), error.what(), error.runner()});
    }
    ++failed_[id];
  }

  std::size_t issued() const {
    return std::min(issued_.load(), ledger_.size());
  }

  std::size_t returned() const {
    std::size_t result = 0;
    for (std::size_t id = 0; id < issued(); ++id)
      result += returned_[id];
    return result;
  }

  /// Calls that have returned or failed not exactly once.
  std::size_t not_once() const {
    std::size_t result = 0;
    for (std::size_t id = 0; id < issued(); ++id)
      if (returned_[id] + failed_[id] != 1)
        ++result;
    return result;
  }

  /// Calls that returned something else than what they wrote down.
  std::size_t mistaken() const {
    return mistaken_;
  }

  /// Calls whose function ran twice or more.
  std::size_t repeated() const {
    std::size_t result = 0;
    for (std::size_t id = 0; id < issued(); ++id)
      if (ledger_[id].runs > 1)
        ++result;
    return result;
  }

  const shared_ledger& ledger() const {
    return ledger_;
  }

  /// To be read when all calls have ended.
  const std::vector<failure>& failures() const {
    return failures_;
  }

  const flame::pool pool;

private:
  using counters = std::vector<std::atomic<unsigned char>>;

  shared_ledger ledger_;
  counters returned_;
  counters failed_;
  std::atomic<std::size_t> issued_ = 0;
  std::atomic<std::size_t> mistaken_ = 0;
  std::atomic<bool> is_over_ = false;
  std::mutex mutex_;
  std::vector<failure> failures_;
};

} // namespace tests
