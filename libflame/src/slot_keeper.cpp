#include "slot_keeper.hpp"

#include <boost/asio/post.hpp>

#include "flame/detail/caf.hpp"
#include "reactor.hpp"

namespace flame::detail {

namespace {

/// Each actor that the slot is kept for holds a reference: how many there are
/// is all that counts.
class slot_keeper final : public kept_slot,
                          public slot_holder,
                          public std::enable_shared_from_this<slot_keeper> {
public:
  slot_keeper(std::shared_ptr<pool_core> pool, std::unique_ptr<lane> with)
    : pool_(std::move(pool)),
      lane_(std::move(with)) {
    // nop
  }

  ~slot_keeper() override {
    pool_->table.release(*this, std::move(lane_));
  }

  void take_over(slot_holder& from) {
    pool_->table.transfer(from, *this);
  }

  void keep_for(const caf::strong_actor_ptr& resource) override {
    // Of an actor that has ended this lets go at once: what counts is that
    // the function is destroyed, whatever it is told.
    resource->get()->attach_functor(
      [self = shared_from_this()](const caf::error& reason) {
        if (reason == caf::exit_reason::remote_link_unreachable)
          self->lost_touch();
      });
  }

private:
  void granted() noexcept override {
    // Never waits for a slot.
  }

  void failed() noexcept override {
    std::shared_ptr<slot_keeper> let_go;
    {
      std::lock_guard guard{mutex_};
      has_verdict_ = true;
      let_go.swap(suspended_);
    }
    // The slot cannot be given back here: the table's mutex is held.
    if (let_go)
      boost::asio::post(pool_->loop->io(), [let_go = std::move(let_go)] {});
  }

  /// CAF often sees first that a node is gone. Its slots must not be free until
  /// the pool knows it, too: who waits would get one, and fail with it.
  void lost_touch() {
    {
      std::lock_guard guard{mutex_};
      if (has_verdict_)
        return;
      suspended_ = shared_from_this();
    }
    pool_->table.report_closed_lane(*this);
  }

  std::shared_ptr<pool_core> pool_;
  std::unique_ptr<lane> lane_;
  /// Never held while the table is called.
  std::mutex mutex_;
  bool has_verdict_ = false;
  /// This, while the pool finds out what became of the runner.
  std::shared_ptr<slot_keeper> suspended_;
};

} // namespace

bool tracks(const pool_core& pool, const call_options& options) noexcept {
  return options.track.value_or(pool.options.track_resources);
}

std::shared_ptr<kept_slot> keep_slot(std::shared_ptr<pool_core> pool,
                                     slot_holder& from,
                                     std::unique_ptr<lane> with) {
  auto result = std::make_shared<slot_keeper>(std::move(pool), std::move(with));
  result->take_over(from);
  return result;
}

} // namespace flame::detail
