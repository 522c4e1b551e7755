/// The actor on the parent that has the work done.
#pragma once

#include <future>
#include <vector>

#include <caf/all.hpp>
#include <flame/flame.hpp>

#include "messages.hpp"
#include "output_directory.hpp"
#include "progress.hpp"

namespace thumbnails {

/// Tells the coordinator to stop everything.
using interrupt_atom = caf::atom_constant<caf::atom("interrupt")>;

/// Places an extractor for each segment, as many at a time as the pool has
/// slots, and writes the frames that they send. A segment that is lost with its
/// runner is made again from its first frame: what an ffmpeg makes depends on
/// where it begins, and so the result is the same, byte by byte, as if nothing
/// had happened. Frames that are there already are neither written nor counted
/// twice.
///
/// A segment goes through these states:
///
///     waiting -> placed -> done
///        ^----------/
///
/// It is `placed` from when an extractor is asked for; frames may arrive before
/// the extractor's handle does.
///
/// Writes files, so it is to be spawned detached. Ends when the work does, and
/// its children with it.
class coordinator : public caf::event_based_actor {
public:
  /// @param out outlives the actor, as does `shown`; both are used by the
  ///        actor until it ends
  /// @param outcome is set when the work ends
  coordinator(caf::actor_config& cfg, flame::pool where, const job& what,
              output_directory& out, progress& shown,
              std::promise<summary> outcome);

  const char* name() const override;

  void on_exit() override;

protected:
  caf::behavior make_behavior() override;

private:
  enum class state { waiting, placed, done };

  struct piece {
    segment what;
    state is = state::waiting;
    std::uint32_t attempt = 0;
    std::uint32_t failures = 0;
    caf::actor child = {};
    std::string runner = {};
  };

  // Steps of the work.
  void place_waiting();
  void place(piece& which);
  void child_placed(attempt_id id, const caf::actor& child);
  void child_not_placed(attempt_id id, const flame::call_error& error);
  void child_lost(piece& which, const caf::error& reason);
  void accept(const frame& arrived);
  void segment_ended(const extraction_ended& end);
  void make_again(piece& which, const std::string& reason);

  // Ends of the work.
  void complete_if_done();
  void fail(std::string problem);
  void stop(summary::kind how, std::string problem);
  void finish();

  piece* find(attempt_id id);
  piece* find(const caf::actor_addr& child);
  std::size_t count(state which) const;
  void look_at_pool();

  flame::pool pool_;
  job job_;
  output_directory& out_;
  progress& progress_;
  std::promise<summary> done_;
  std::vector<piece> pieces_;
  /// Which frames are there, by index.
  std::vector<bool> written_;
  summary summary_;
  bool is_stopping_ = false;
};

} // namespace thumbnails
