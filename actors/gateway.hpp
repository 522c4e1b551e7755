#pragma once

#include <memory>
#include <unordered_map>

#include "flame/detail/caf.hpp"

namespace flame::detail {

/// Runners that have been booted and not gone, by number. They stay when the
/// gateway's actor is replaced; used by one of those at a time.
struct expected_runners {
  struct runner {
    caf::actor handle;
    /// Where it came from; nothing until it has come.
    caf::node_id node = {};
  };

  std::unordered_map<std::uint64_t, runner> by_number;
};

/// The actor that the control connection offers to a runner. It lets runners
/// join that are expected.
class gateway final : public caf::event_based_actor {
public:
  gateway(caf::actor_config& cfg, std::shared_ptr<expected_runners> expected);

  const char* name() const override;

protected:
  caf::behavior make_behavior() override;

private:
  caf::result<caf::message> join(std::uint64_t id, std::vector<char>& hello,
                                 const caf::actor& orders);

  void forget(std::uint64_t id);

  const std::shared_ptr<expected_runners> expected_;
};

} // namespace flame::detail
