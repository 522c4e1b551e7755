#pragma once

#include <future>

#include "flame/detail/child.hpp"

namespace flame::detail {

/// Says to threads that wait how the start of a supervisor went.
class waiting_report final : public child_report {
public:
  void made(const caf::actor&) override {
    // nop
  }

  void started(caf::actor) override {
    result_.set_value({});
  }

  void failed(caf::error why) override {
    result_.set_value(std::move(why));
  }

  /// To be called once.
  std::future<caf::error> result() {
    return result_.get_future();
  }

private:
  std::promise<caf::error> result_;
};

} // namespace flame::detail
