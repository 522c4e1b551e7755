#include "server/live_connection.hpp"

#include "live/topics.hpp"
#include "messages.hpp"

namespace studio {

namespace {

constexpr std::size_t max_remark = 1024;

/// Stands for a tab among the actors.
caf::behavior watcher(caf::event_based_actor*,
                      const std::weak_ptr<web::connection>& tab) {
  return {
    [tab](caf::publish_atom, const std::string&, const live_event& event) {
      auto it = tab.lock();
      if (!it)
        return;
      if (event.picture.empty())
        it->send_text(event.json);
      else
        it->send_both(event.json, event.picture);
    },
  };
}

} // namespace

live_connection::live_connection(web::byte_stream&& stream,
                                 std::shared_ptr<const show> what)
  : connection(std::move(stream), max_remark),
    show_(std::move(what)) {
  // nop
}

live_connection::~live_connection() {
  if (watcher_)
    caf::anon_send_exit(watcher_, caf::exit_reason::user_shutdown);
}

void live_connection::opened() {
  watcher_ = show_->system.spawn(watcher, weak_from_this());
  auto& where = *show_->where;
  where.topics.subscribe(watcher_, topic::uploads);
  where.topics.subscribe(watcher_, topic::pool);
  // What happens from now on is told; what has happened is here.
  send_text(show_->pool.latest());
  for (auto& [view, times] : where.uploads->snapshot()) {
    send_text(upload_event(view));
    if (!times.empty())
      send_text(thumbnails_event(view, times));
  }
  send_text(R"({"type":"present"})");
}

void live_connection::received_text(std::string_view) {
  // A tab only listens.
}

void live_connection::received_bytes(std::string_view) {
  // A tab only listens.
}

} // namespace studio
