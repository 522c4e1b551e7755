/// The actor that looks after one upload.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include <caf/all.hpp>
#include <flame/flame.hpp>

#include "database/database.hpp"
#include "uploads/board.hpp"
#include "uploads/upload_job.hpp"

namespace studio {

/// What uploads work with.
struct workplace {
  flame::pool pool;
  flame::pubsub topics;
  std::shared_ptr<board> uploads;
  const database& videos;
  thumbnail_job job;
};

/// Streams a video to a runner while it arrives, and publishes what comes back.
/// What a runner does not take stays where it is, down to the browser: neither
/// this actor nor the connection holds more than a window.
///
/// The runner keeps what it makes in the database; this actor removes it if the
/// upload comes to nothing.
///
/// When the runner is lost, and the pool's `retry` names that as worth another
/// attempt, the video is streamed again, from its beginning. The upload ends
/// with its owner, and so does what runs on the runner: a stream ends with its
/// actor.
class upload_actor : public caf::event_based_actor {
public:
  upload_actor(caf::actor_config& cfg, std::shared_ptr<upload_job> what,
               std::shared_ptr<const workplace> where);

  const char* name() const override;

  void on_exit() override;

protected:
  caf::behavior make_behavior() override;

private:
  void begin();
  void feed();

  void tell(const work_started& news);
  void tell(const video_facts& news);
  void tell(const waits_for_end& news);
  void tell(const thumbnail& news);
  void tell(const work_failed& news);

  void attempt_ended(const made_thumbnails& made);
  void attempt_failed(const flame::call_error& error);
  bool is_worth_another(const flame::call_error& error) const;
  void end(upload_state how, std::string problem);
  void forget() const;

  void publish();
  void publish_soon();

  std::shared_ptr<upload_job> job_;
  std::shared_ptr<const workplace> where_;
  std::optional<flame::stream_control<video_chunk>> stream_;
  /// Bytes that this attempt has sent, and whether it has said that they are
  /// all.
  std::uint64_t sent_ = 0;
  bool has_said_all_ = false;
  bool will_publish_ = false;
};

} // namespace studio
