#pragma once

#include <unordered_map>

#include "flame/detail/caf.hpp"

namespace flame::detail {

/// The actor that the control connection offers to a runner. It lets runners
/// join that are expected.
class gateway final : public caf::event_based_actor {
public:
  explicit gateway(caf::actor_config& cfg);

  const char* name() const override;

protected:
  caf::behavior make_behavior() override;

private:
  caf::result<caf::message> join(std::uint64_t id, std::vector<char>& hello,
                                 const caf::actor& orders);

  struct expected {
    caf::actor runner;
    /// Where it came from; nothing until it has come.
    caf::node_id node = {};
  };

  void forget(std::uint64_t id);

  /// Runners that have been booted and not gone, by number.
  std::unordered_map<std::uint64_t, expected> expected_;
};

} // namespace flame::detail
