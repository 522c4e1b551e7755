/// The parts of a node, as they are at one moment: `node::tree`.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "flame/detail/export.hpp"
#include "flame/options.hpp"

namespace flame {

enum class tree_kind : unsigned char {
  /// This process.
  node,
  /// Lets runners join.
  gateway,
  pool,
  runner,
  supervisor,
  /// An actor: of a supervisor, or placed on a runner.
  child,
};

/// `"node"` and so on.
FLAME_EXPORT const char* to_string(tree_kind value) noexcept;

/// A part of a node, with what belongs to it. A value.
struct tree_entry {
  tree_kind kind = tree_kind::node;

  /// That of the pool, runner or child; of a child without one, its actor.
  std::string name = {};

  /// In a word: of a runner `booting`, `connecting`, `ready`, `wedged`,
  /// `severed` or `draining`; of a child what `child_status` says; of a
  /// supervisor that has not answered within 1 s, `silent`.
  std::string state = {};

  /// Times that it has been started again.
  std::size_t restarts = 0;

  /// Since it was started, last; of a runner, since its boot began. 0 if it is
  /// not there.
  duration age{0};

  /// What else there is to know, as names and values for people: `slots` is
  /// `"3/8"`.
  std::vector<std::pair<std::string, std::string>> facts = {};

  std::vector<tree_entry> children = {};
};

/// The tree for people, with a line for each part:
///
///     node flame pid=4711
///     ├─ gateway running 2min
///     ├─ pool ffmpeg running 2min runners=1 booting=0 slots=1/8 queued=0
///     │  └─ runner ffmpeg-1 ready 1min 12s pid=4790 slots=1/8
///     │     └─ child media/encoder 1min 10s
///     └─ supervisor media running 2min strategy=rest_for_one
///        ├─ child store running 2min
///        └─ child encoder running 1min 10s restarts=1 runner=ffmpeg-1
FLAME_EXPORT std::string to_string(const tree_entry& tree);

} // namespace flame
