#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include <boost/smart_ptr/intrusive_ptr.hpp>

#include "flame/detail/caf.hpp"
#include "flame/error.hpp"

namespace flame::detail {

class placement;
class runner_slots;

/// A child on a runner, as whoever looks at a node sees it.
struct placed_view {
  std::shared_ptr<runner_slots> runner;
  caf::actor_addr child;
  /// When it was there.
  std::chrono::steady_clock::time_point since;
};

/// The children that a node has placed, by number: what runners say about them
/// comes to the gateway, which looks here whom it is about. Thread-safe.
class placements {
public:
  placements();
  ~placements();

  /// Sets the actor to which runners report, before the first child is placed.
  void report_to(caf::actor news);

  const caf::actor& news() const noexcept {
    return news_;
  }

  std::uint64_t add(boost::intrusive_ptr<placement> what);
  void remove(std::uint64_t id);

  /// The child's initialisation has succeeded.
  void started(std::uint64_t id, const caf::actor& child);

  /// The child could not be started.
  void failed(std::uint64_t id, const caf::error& why);

  /// The child has ended: its slot is free.
  void ended(std::uint64_t id, const caf::error& reason);

  /// The children that live, in the order in which they were asked for.
  std::vector<placed_view> look();

private:
  boost::intrusive_ptr<placement> find(std::uint64_t id);

  caf::actor news_;
  std::mutex mutex_;
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, boost::intrusive_ptr<placement>> all_;
};

} // namespace flame::detail
