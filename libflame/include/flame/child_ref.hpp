/// Names of children that survive their restarts.
#pragma once

#include <cstddef>
#include <string>

#include <caf/actor.hpp>

#include "flame/detail/export.hpp"

namespace flame {

class supervisor;

/// What becomes of messages to a child that has no actor at the time.
enum class when_absent : unsigned char {
  /// They wait for its next incarnation.
  queue,
  /// They fail.
  fail,
};

struct child_ref_options {
  when_absent absent = when_absent::queue;

  /// Messages that may wait; one more fails with `queue_full`.
  std::size_t max_queue = 1000;
};

/// A child of a supervisor, by its name and not by its actor: it stays when the
/// child is restarted. `supervisor::child` makes it.
///
///     auto store = top.child("store");
///     self->request(store.handle(), 1s, get_atom::value, key).then(...);
///
/// A message to `handle()` goes to the incarnation that is there when it is
/// sent, with its sender, so that answers come from the child itself. Where there
/// is none and one will be started, it waits or fails, as `when_absent` says.
/// Where none will be - the child is stopped, the supervisor has none of this
/// name, or has ended - it fails. A request that fails gets the error:
/// `child_not_found`, `child_restarting`, `queue_full` or `supervisor_ended`;
/// other messages are dropped, as always with CAF. So are those that an
/// incarnation has not handled when it ends; a request among them gets CAF's
/// `request_receiver_down`.
///
/// A value; copies share what waits. Thread-safe.
class FLAME_EXPORT child_ref {
public:
  child_ref() = default;

  /// @private
  child_ref(std::string id, caf::actor handle);

  const std::string& id() const noexcept {
    return id_;
  }

  /// An actor that stands for the child. Whoever monitors it is told when the
  /// supervisor has ended, and not of restarts.
  const caf::actor& handle() const noexcept {
    return handle_;
  }

  /// The present incarnation; null if there is none.
  caf::actor now() const;

  explicit operator bool() const noexcept {
    return handle_ != nullptr;
  }

private:
  std::string id_;
  caf::actor handle_;
};

} // namespace flame
