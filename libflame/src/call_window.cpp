#include <condition_variable>
#include <map>

#include "async_call.hpp"
#include "call_common.hpp"
#include "flame/map.hpp"

namespace flame::detail {

call_window::~call_window() = default;

namespace {

/// As many calls as the pool can run at a time.
std::size_t all_slots(const pool_options& options) {
  // Either may be a number that stands for "any".
  constexpr std::size_t most = 4096;
  auto runners = std::min(options.max, most);
  auto slots = std::min(options.max_concurrency, most);
  return std::clamp<std::size_t>(runners * slots, 1, most);
}

/// What the calls of a window end with. They may outlive it.
class ended_calls {
public:
  using index = std::uint64_t;
  using call_ptr = boost::intrusive_ptr<async_call>;

  ended_calls(bool ordered, bool fails_fast)
    : ordered_(ordered),
      fails_fast_(fails_fast) {
    // nop
  }

  index add() {
    std::lock_guard guard{mutex_};
    under_way_.emplace(++last_, nullptr);
    return last_;
  }

  /// Remembers the call, to cancel it, unless it has ended already.
  void started(index which, call_ptr call) {
    std::lock_guard guard{mutex_};
    if (auto i = under_way_.find(which); i != under_way_.end())
      i->second = std::move(call);
  }

  void ended(index which, outcome&& result) {
    call_ptr let_go;
    std::lock_guard guard{mutex_};
    auto i = under_way_.find(which);
    if (i == under_way_.end())
      return;
    let_go = std::move(i->second);
    under_way_.erase(i);
    if (fails_fast_ && result.error && !failure_)
      failure_ = std::move(result);
    else
      results_.emplace(ordered_ ? which : ++arrivals_, std::move(result));
    changed_ = true;
    change_.notify_one();
  }

  std::optional<outcome> take() {
    std::lock_guard guard{mutex_};
    if (failure_)
      return std::exchange(failure_, std::nullopt);
    auto i = results_.find(taken_ + 1);
    if (i == results_.end())
      return std::nullopt;
    std::optional<outcome> result{std::move(i->second)};
    results_.erase(i);
    ++taken_;
    return result;
  }

  bool wait() {
    std::unique_lock guard{mutex_};
    if (under_way_.empty() && results_.empty() && !failure_)
      return false;
    change_.wait(guard, [this] {
      return std::exchange(changed_, false);
    });
    return true;
  }

  std::size_t under_way() const {
    std::lock_guard guard{mutex_};
    return under_way_.size();
  }

  std::size_t waiting() const {
    std::lock_guard guard{mutex_};
    return results_.size();
  }

  /// Forgets everything.
  std::map<index, call_ptr> clear() {
    std::lock_guard guard{mutex_};
    results_.clear();
    failure_.reset();
    return std::exchange(under_way_, {});
  }

private:
  const bool ordered_;
  const bool fails_fast_;
  mutable std::mutex mutex_;
  std::condition_variable change_;
  bool changed_ = false;
  std::map<index, call_ptr> under_way_;
  /// By the order in which they are to be taken.
  std::map<index, outcome> results_;
  std::optional<outcome> failure_;
  index last_ = 0;
  index arrivals_ = 0;
  index taken_ = 0;
};

/// Says how one call ended.
class report final : public completion {
public:
  report(std::shared_ptr<ended_calls> to, ended_calls::index which)
    : to_(std::move(to)),
      which_(which) {
    // nop
  }

  void complete(outcome&& result) override {
    to_->ended(which_, std::move(result));
  }

  bool is_quick() const noexcept override {
    return true;
  }

private:
  std::shared_ptr<ended_calls> to_;
  ended_calls::index which_;
};

class async_window final : public call_window {
public:
  async_window(std::shared_ptr<pool_core> pool, const map_options& options,
               bool fails_fast)
    : pool_(std::move(pool)),
      options_(options.call),
      in_flight_(options.in_flight > 0 ? options.in_flight
                                       : all_slots(pool_->options)),
      calls_(std::make_shared<ended_calls>(options.ordered, fails_fast)) {
    // nop
  }

  ~async_window() override {
    cancel();
  }

  bool has_room() const override {
    return calls_->under_way() < in_flight_ && calls_->waiting() < in_flight_;
  }

  void start(buffer request) override {
    check_length(*pool_, request);
    auto which = calls_->add();
    boost::intrusive_ptr<async_call> call{
      new async_call(pool_, std::move(request), options_,
                     std::make_unique<report>(calls_, which))};
    call->start();
    calls_->started(which, std::move(call));
  }

  void add_failure(call_error why) override {
    outcome result;
    result.error = std::move(why);
    calls_->ended(calls_->add(), std::move(result));
  }

  std::optional<outcome> take() override {
    return calls_->take();
  }

  bool wait() override {
    return calls_->wait();
  }

  void cancel() override {
    for (auto& [which, call] : calls_->clear())
      if (call)
        call->give_up(
          call_error{errc::cancelled, "the results are not wanted any more"});
  }

private:
  const std::shared_ptr<pool_core> pool_;
  const call_options options_;
  const std::size_t in_flight_;
  const std::shared_ptr<ended_calls> calls_;
};

} // namespace

std::unique_ptr<call_window> open_window(const std::shared_ptr<pool_core>& pool,
                                         const map_options& options,
                                         bool fails_fast) {
  refuse_on_scheduler_thread(*pool, "flame::call(self, pool, f, args...)");
  return std::make_unique<async_window>(pool, options, fails_fast);
}

} // namespace flame::detail
