/// A backend that keeps books on another one, and gets in its way.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <sys/socket.h>

#include "flame/backend.hpp"

namespace flame::testing {

/// What is done to the boots that a watched backend is asked for.
enum class tampering {
  none,
  /// The runner's connections lead nowhere, so that it never joins.
  unconnected,
  /// The program is one that does not exist.
  no_program,
  /// The boot has been cancelled before it begins.
  cancelled,
};

/// What became of one boot.
struct boot_record {
  tampering how = tampering::none;
  int answers = 0;
  bool is_booted = false;
  std::string id;
  std::weak_ptr<flame::instance> booted;
  int exits = 0;
  exit_info end;
  std::string output;
  /// Kept open as long as the record lives.
  std::vector<flame::detail::unique_fd> held = {};
};

/// All boots of a watched backend. Thread-safe.
class boot_ledger {
public:
  using records = std::vector<std::shared_ptr<boot_record>>;

  /// From here on, boots are tampered with like this.
  void tamper(tampering how) {
    std::lock_guard guard{mutex_};
    how_ = how;
  }

  std::shared_ptr<boot_record> open() {
    auto record = std::make_shared<boot_record>();
    change([&] {
      record->how = how_;
      all_.push_back(record);
    });
    return record;
  }

  /// Runs `f` under the lock, and wakes up who waits for what it does.
  template <class F>
  void change(F f) {
    {
      std::lock_guard guard{mutex_};
      f();
    }
    changed_.notify_all();
  }

  /// Waits until `condition(records)` holds.
  /// @returns whether it does
  template <class F>
  bool await(F condition, std::chrono::seconds bound) {
    std::unique_lock guard{mutex_};
    return changed_.wait_for(guard, bound, [&] {
      return condition(std::as_const(all_));
    });
  }

  /// Runs `f(records)` under the lock.
  template <class F>
  auto look(F f) const {
    std::lock_guard guard{mutex_};
    return f(all_);
  }

private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  tampering how_ = tampering::none;
  records all_;
};

/// Leaves the work to `subject`, and writes down what it does. Thread-safe.
class watched_backend final : public backend {
public:
  watched_backend(std::shared_ptr<backend> subject,
                  std::shared_ptr<boot_ledger> ledger)
    : subject_(std::move(subject)),
      ledger_(std::move(ledger)) {
    // nop
  }

  bool is_in_process() const noexcept override {
    return subject_->is_in_process();
  }

  std::vector<setting_mistake> check(
    const std::map<std::string, std::string>& settings) const override {
    return subject_->check(settings);
  }

  void boot(boot_request request,
            std::function<void(boot_result)> done) override {
    auto record = ledger_->open();
    tamper_with(request, *record);
    request.on_exit = [ledger = ledger_, record,
                       forward = std::move(request.on_exit)](exit_info info) {
      ledger->change([&] {
        record->exits += 1;
        record->end = info;
      });
      forward(std::move(info));
    };
    request.on_output =
      [ledger = ledger_, record,
       forward = std::move(request.on_output)](const std::string& line) {
        ledger->change([&] {
          record->output += line + '\n';
        });
        forward(line);
      };
    subject_->boot(
      std::move(request),
      [ledger = ledger_, record, done = std::move(done)](boot_result result) {
        auto id = result ? (*result)->id() : std::string{};
        ledger->change([&] {
          record->answers += 1;
          if (result) {
            record->is_booted = true;
            record->booted = *result;
            record->id = std::move(id);
          }
        });
        done(std::move(result));
      });
  }

private:
  static void tamper_with(boot_request& request, boot_record& record) {
    switch (record.how) {
      case tampering::none:
        break;
      case tampering::unconnected:
        replace(request.sockets.lanes, SOCK_SEQPACKET, record);
        replace(request.sockets.control, SOCK_STREAM, record);
        break;
      case tampering::no_program:
        request.command.front() = "/nowhere/flame-contract";
        break;
      case tampering::cancelled: {
        std::stop_source stopped;
        stopped.request_stop();
        request.cancelled = stopped.get_token();
        break;
      }
    }
  }

  static void replace(flame::detail::unique_fd& socket, int type,
                      boot_record& record) {
    int ends[2];
    if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) != 0)
      return;
    record.held.emplace_back(ends[0]);
    record.held.push_back(
      std::exchange(socket, flame::detail::unique_fd{ends[1]}));
  }

  std::shared_ptr<backend> subject_;
  std::shared_ptr<boot_ledger> ledger_;
};

} // namespace flame::testing
