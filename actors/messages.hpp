/// Messages between the actors of one node; they never cross a connection.
#pragma once

#include <cstdint>
#include <memory>

#include "flame/backend.hpp"
#include "flame/detail/caf.hpp"
#include "slot_table.hpp"

namespace flame::detail {

/// To a runner actor: its backend has started the instance, or has failed.
struct instance_started {
  std::shared_ptr<instance> started;
  caf::error problem;
};

/// To a runner actor: its instance has ended.
struct instance_ended {
  exit_info info;
};

/// To the pool actor: one of its runners takes calls now.
struct runner_ready {
  std::uint64_t id = 0;
  std::shared_ptr<runner_slots> slots;
};

/// To a runner actor: the table has retired its slots, as they were idle.
/// To the pool actor, with the runner's number: it has had its single use.
using retired_atom = caf::atom_constant<caf::atom("flRetired")>;

/// To a runner actor: work on its runner does not end although it was asked to.
/// To the pool actor, with the runner's number: it takes no more work.
using wedged_atom = caf::atom_constant<caf::atom("flWedged")>;

/// To a runner actor: the pool has another actor, which wants to know how the
/// runner is.
using report_atom = caf::atom_constant<caf::atom("flReport")>;

/// To the pool actor: one of its runners is no more.
struct runner_gone {
  enum class how { boot_failed, lost, let_go };

  std::uint64_t id = 0;
  how why = how::lost;
  loss_ptr cause;
};

} // namespace flame::detail

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flame::detail::instance_started)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flame::detail::instance_ended)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flame::detail::runner_ready)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flame::detail::runner_gone)
