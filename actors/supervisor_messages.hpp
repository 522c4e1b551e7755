/// Messages of a supervisor to itself.
#pragma once

#include <cstdint>
#include <memory>

#include "flame/detail/caf.hpp"
#include "flame/detail/child.hpp"

namespace flame::detail {

using begin_atom = caf::atom_constant<caf::atom("flBegin")>;
using started_atom = caf::atom_constant<caf::atom("flStarted")>;
using failed_atom = caf::atom_constant<caf::atom("flFailed")>;
using wake_atom = caf::atom_constant<caf::atom("flWake")>;
using resume_atom = caf::atom_constant<caf::atom("flResume")>;
using overdue_atom = caf::atom_constant<caf::atom("flOverdue")>;
using kill_all_atom = caf::atom_constant<caf::atom("flKillAll")>;

/// Tells a supervisor how a child's initialisation went, which says so in its
/// own context: `(started_atom, ticket, child)`, `(failed_atom, ticket, why)`.
std::shared_ptr<child_report> report_by_message(
  const caf::event_based_actor* supervisor, std::uint64_t ticket);

} // namespace flame::detail
