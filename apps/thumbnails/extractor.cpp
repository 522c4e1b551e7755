#include "extractor.hpp"

#include <flame/node.hpp>
#include <unistd.h>

namespace thumbnails {

extractor::extractor(caf::actor_config& cfg, caf::actor coordinator,
                     attempt_id id, std::uint32_t first_frame, extraction what)
  : event_based_actor(cfg),
    coordinator_(std::move(coordinator)),
    id_(id),
    next_frame_(first_frame),
    what_(std::move(what)) {
  // nop
}

const char* extractor::name() const {
  return "thumbnails.extractor";
}

void extractor::on_exit() {
  source_.reset();
  coordinator_ = caf::actor{};
}

caf::behavior extractor::make_behavior() {
  auto self = caf::actor_cast<caf::actor>(this);
  source_.emplace(
    what_, frame_window,
    [self](media::image jpeg) {
      caf::anon_send(self, frame{{}, 0, std::move(jpeg)});
    },
    [self](frame_source::outcome end) {
      caf::anon_send(self, extraction_ended{{},
                                            end.frames,
                                            end.status.code,
                                            end.status.by_signal,
                                            std::move(end.problem),
                                            end.ended_at});
    });
  auto* parent = flame::parent();
  send(coordinator_, extraction_started{id_, parent ? parent->runner : "local",
                                        ::getpid(), source_->ffmpeg_pid()});
  return {
    [this](frame& from_ffmpeg) {
      from_ffmpeg.id = id_;
      from_ffmpeg.index = next_frame_++;
      send(coordinator_, std::move(from_ffmpeg));
    },
    [this](const frame_accepted&) {
      source_->want(1);
    },
    [this](extraction_ended& end) {
      end.id = id_;
      send(coordinator_, std::move(end));
      quit();
    },
  };
}

} // namespace thumbnails
