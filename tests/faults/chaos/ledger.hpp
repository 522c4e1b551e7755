/// Who ran, and who was told what.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include <flame/error.hpp>

namespace chaos {

using call_id = std::uint32_t;

/// What functions do first, wherever they run: they append their number to a
/// file. One `write` of a few bytes at the end of a file is never mixed with
/// another.
inline void put_down(const std::string& path, call_id id) {
  auto fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd < 0)
    return;
  [[maybe_unused]] auto ignored = ::write(fd, &id, sizeof(id));
  ::close(fd);
}

/// The calls that were made, and how each ended. Thread-safe.
class ledger {
public:
  /// What a call promises.
  enum class kind : std::uint8_t {
    /// Runs at most once.
    once,
    /// May run several times.
    idempotent,
    /// As `once`, and only its failure is told.
    cast,
  };

  explicit ledger(std::string path) : path_(std::move(path)) {
    std::ofstream{path_, std::ios::trunc};
  }

  ~ledger() {
    std::filesystem::remove(path_);
  }

  const std::string& path() const {
    return path_;
  }

  call_id begin(kind what) {
    std::lock_guard guard{mutex_};
    calls_.push_back({what});
    return static_cast<call_id>(calls_.size() - 1);
  }

  void returned(call_id id) {
    std::lock_guard guard{mutex_};
    ++calls_[id].returns;
  }

  void failed(call_id id, const flame::call_error& error) {
    std::lock_guard guard{mutex_};
    ++calls_[id].failures;
    ++codes_[error.code()];
    if (std::string_view{error.what()}.empty())
      ++without_cause_;
  }

  /// A cast does not say which it was.
  void cast_failed(const flame::call_error& error) {
    std::lock_guard guard{mutex_};
    ++failed_casts_;
    ++codes_[error.code()];
  }

  struct verdict {
    std::size_t calls = 0;
    std::size_t returned = 0;
    std::size_t failed = 0;
    std::size_t casts = 0;
    std::size_t failed_casts = 0;
    std::size_t runs = 0;
    std::size_t runs_again = 0;
    std::map<flame::errc, std::size_t> codes;
    std::vector<std::string> wrong;
  };

  verdict close() {
    std::vector<std::uint8_t> runs(calls_.size());
    std::ifstream file{path_, std::ios::binary};
    for (call_id id; file.read(reinterpret_cast<char*>(&id), sizeof(id));)
      if (id < runs.size())
        ++runs[id];
    verdict result;
    result.codes = codes_;
    result.failed_casts = failed_casts_;
    std::size_t silent_casts = 0;
    for (std::size_t id = 0; id < calls_.size(); ++id)
      judge(id, runs[id], result, silent_casts);
    if (silent_casts > failed_casts_)
      result.wrong.push_back(std::to_string(silent_casts - failed_casts_)
                             + " casts neither ran nor failed");
    if (without_cause_ > 0)
      result.wrong.push_back(std::to_string(without_cause_)
                             + " calls failed without a cause");
    return result;
  }

private:
  struct call {
    kind what;
    std::uint8_t returns = 0;
    std::uint8_t failures = 0;
  };

  void judge(std::size_t id, std::size_t runs, verdict& result,
             std::size_t& silent_casts) const {
    auto& each = calls_[id];
    auto complain = [&](const char* what) {
      if (result.wrong.size() < 20)
        result.wrong.push_back("call " + std::to_string(id) + ' ' + what);
    };
    result.runs += runs;
    if (runs > 1 && each.what != kind::idempotent)
      complain("ran more than once");
    if (runs > 1)
      result.runs_again += runs - 1;
    if (each.what == kind::cast) {
      ++result.casts;
      silent_casts += runs == 0 ? 1 : 0;
      return;
    }
    ++result.calls;
    result.returned += each.returns;
    result.failed += each.failures;
    if (each.returns + each.failures == 0)
      complain("never ended");
    if (each.returns + each.failures > 1)
      complain("ended more than once");
    if (each.returns > 0 && runs == 0)
      complain("returned and never ran");
  }

  const std::string path_;
  std::mutex mutex_;
  std::vector<call> calls_;
  std::map<flame::errc, std::size_t> codes_;
  std::size_t failed_casts_ = 0;
  std::size_t without_cause_ = 0;
};

} // namespace chaos
