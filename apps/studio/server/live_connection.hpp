/// The WebSocket by which a tab watches uploads and pool.
#pragma once

#include <caf/all.hpp>

#include "live/pool_watch.hpp"
#include "uploads/upload_actor.hpp"
#include "web/connection.hpp"

namespace studio {

/// What live connections show.
struct show {
  caf::actor_system& system;
  std::shared_ptr<const workplace> where;
  const pool_watch& pool;
};

/// Sends each event as text, or with its picture as binary message; first how the
/// pool is, and the uploads that are under way with the times of their
/// thumbnails, then `{"type": "present"}`: what has ended before that is in the
/// gallery, and of what ends later there will be an event.
class live_connection final : public web::connection {
public:
  live_connection(web::byte_stream&& stream, std::shared_ptr<const show> what);

  ~live_connection() override;

protected:
  void opened() override;
  void received_text(std::string_view text) override;
  void received_bytes(std::string_view bytes) override;

private:
  std::shared_ptr<const show> show_;
  caf::actor watcher_;
};

} // namespace studio
