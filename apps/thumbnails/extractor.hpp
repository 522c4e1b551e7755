/// The actor that runs ffmpeg where a runner is.
#pragma once

#include <optional>

#include <caf/all.hpp>

#include "frame_source.hpp"
#include "messages.hpp"

namespace thumbnails {

/// Frames that an extractor may have sent without having been told that they
/// were accepted. With this, what waits in the coordinator's mailbox, and on
/// the way to it, is bounded; and ffmpeg need not wait for each round trip.
inline constexpr std::size_t frame_window = 4;

/// Works on one segment, and tells the coordinator of it: `extraction_started`,
/// a `frame` for each frame while ffmpeg still runs, `extraction_ended`. Then
/// it ends. However it ends, ffmpeg ends with it.
///
/// It is a class, not a function with state, for the sake of `on_exit`, which
/// runs when the actor ends, even if others still hold a handle to it.
class extractor : public caf::event_based_actor {
public:
  extractor(caf::actor_config& cfg, caf::actor coordinator, attempt_id id,
            std::uint32_t first_frame, extraction what);

  const char* name() const override;

  void on_exit() override;

protected:
  caf::behavior make_behavior() override;

private:
  caf::actor coordinator_;
  attempt_id id_;
  std::uint32_t next_frame_;
  extraction what_;
  std::optional<frame_source> source_;
};

} // namespace thumbnails
