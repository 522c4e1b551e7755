#include "uploads/upload_view.hpp"

#include <nlohmann/json.hpp>

namespace studio {

namespace {

using json = nlohmann::json;

/// What comes from a file may be anything but UTF-8.
std::string dumped(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace

const char* to_string(upload_state value) noexcept {
  switch (value) {
    case upload_state::queued:
      return "queued";
    case upload_state::working:
      return "working";
    case upload_state::waiting:
      return "waiting";
    case upload_state::retrying:
      return "retrying";
    case upload_state::done:
      return "done";
    case upload_state::failed:
      return "failed";
    case upload_state::cancelled:
      return "cancelled";
  }
  return "unknown";
}

std::string upload_event(const upload_view& view) {
  return dumped({
    {"type", "upload"},
    {"id", view.id},
    {"name", view.name},
    {"size", view.size},
    {"received", view.received},
    {"state", to_string(view.state)},
    {"runner", view.runner},
    {"attempt", view.attempt},
    {"thumbnails", view.thumbnails},
    {"codec", view.facts.codec},
    {"width", view.facts.width},
    {"height", view.facts.height},
    {"duration", view.facts.duration_ms},
    {"note", view.note},
    {"created", view.created_ms},
  });
}

std::string thumbnails_event(const upload_view& view,
                             const std::vector<std::int64_t>& times) {
  return dumped({{"type", "thumbnails"},
                 {"upload", view.id},
                 {"attempt", view.attempt},
                 {"times", times}});
}

std::string thumbnail_event(const std::string& upload, std::uint32_t attempt,
                            const thumbnail& what) {
  return dumped({{"type", "thumbnail"},
                 {"upload", upload},
                 {"attempt", attempt},
                 {"index", what.index},
                 {"time", what.time_ms}});
}

} // namespace studio
