/// The one place where the project meets what differs between CAF releases.
///
/// Built and tested on CAF 0.17.6, the release that Debian ships. What other
/// headers use beyond this file exists under the same name in CAF 1.x.
#pragma once

#include <caf/all.hpp>

#if !defined(CAF_VERSION) || CAF_VERSION < 1706
#error "flame needs CAF 0.17.6 or later"
#endif

namespace flame::detail {

/// Atoms of the control plane. Ten characters at most: CAF 0.17 packs an atom
/// into 64 bits.
using join_atom = caf::atom_constant<caf::atom("flJoin")>;
using place_atom = caf::atom_constant<caf::atom("flPlace")>;
using drain_atom = caf::atom_constant<caf::atom("flDrain")>;
using ended_atom = caf::atom_constant<caf::atom("flEnded")>;
using expect_atom = caf::atom_constant<caf::atom("flExpect")>;
using forget_atom = caf::atom_constant<caf::atom("flForget")>;
using leave_atom = caf::atom_constant<caf::atom("flLeave")>;
using grow_atom = caf::atom_constant<caf::atom("flGrow")>;
using tick_atom = caf::atom_constant<caf::atom("flTick")>;
using wait_atom = caf::atom_constant<caf::atom("flWait")>;
using stop_atom = caf::atom_constant<caf::atom("flStop")>;

} // namespace flame::detail
