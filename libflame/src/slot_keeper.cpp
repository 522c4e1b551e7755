#include "slot_keeper.hpp"

#include <caf/abstract_actor.hpp>

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
    // Of an actor that has ended, also with its node, this lets go at once.
    resource->get()->attach_functor(
      [self = shared_from_this()](const caf::error&) {
        // What counts is that the function is destroyed, which follows.
      });
  }

private:
  void granted() noexcept override {
    // Never waits for a slot.
  }

  void failed() noexcept override {
    // The table counts no slots of a runner that is gone.
  }

  std::shared_ptr<pool_core> pool_;
  std::unique_ptr<lane> lane_;
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
