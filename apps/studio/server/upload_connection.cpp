#include "server/upload_connection.hpp"

#include <chrono>
#include <random>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace studio {

namespace {

using json = nlohmann::json;

constexpr std::size_t max_message = 256 * 1024;

/// What may have arrived and not been taken by a runner.
constexpr std::uint64_t window = 2 << 20;

/// The browser hears of room when there is this much more.
constexpr std::uint64_t grant_step = 256 * 1024;

/// Not to be guessed.
std::string new_id() {
  std::random_device source;
  return fmt::format("{:08x}{:08x}", source(), source());
}

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
           std::chrono::system_clock::now().time_since_epoch())
    .count();
}

} // namespace

upload_connection::upload_connection(web::byte_stream&& stream,
                                     std::shared_ptr<const upload_desk> desk)
  : connection(std::move(stream), max_message),
    desk_(std::move(desk)),
    stall_(executor()) {
  // nop
}

upload_connection::~upload_connection() {
  // Where the upload has ended, so has this actor.
  if (owner_)
    caf::anon_send_exit(owner_, caf::exit_reason::user_shutdown);
}

void upload_connection::opened() {
  // The browser speaks first.
  watch_for_stall();
}

void upload_connection::received_text(std::string_view text) {
  if (is_over_)
    return;
  auto what = parse_announcement(text);
  if (!what || job_)
    refuse("This page and the studio do not understand each other. Reload the "
           "page.");
  else if (auto problem = problem_of_size(what->size, desk_->max_size);
           !problem.empty())
    refuse(problem);
  else
    begin(*what);
}

void upload_connection::begin(const announcement& what) {
  upload_view view;
  view.id = new_id();
  view.name = clean_name(what.name);
  view.size = what.size;
  view.created_ms = now_ms();
  if (!desk_->where->uploads->admit(view)) {
    refuse("As many videos as the studio takes at a time are being uploaded. "
           "Try again when one of them is done.");
    return;
  }
  try {
    job_ = std::make_shared<upload_job>(view, desk_->where->uploads,
                                        desk_->directory);
  } catch (const std::runtime_error& error) {
    desk_->where->uploads->remove(view.id);
    refuse(error.what());
    return;
  }
  std::weak_ptr<connection> weak = weak_from_this();
  job_->on_taken = [weak] {
    if (auto self = std::static_pointer_cast<upload_connection>(weak.lock()))
      self->post([it = self.get()] {
        it->grant();
      });
  };
  owner_ = spawn_owner(
    desk_->system, desk_->supervisor, job_, [weak](const upload_ended& how) {
      if (auto self = std::static_pointer_cast<upload_connection>(weak.lock()))
        self->post([it = self.get(), how] {
          it->end(how);
        });
    });
  grant();
}

void upload_connection::received_bytes(std::string_view bytes) {
  if (is_over_)
    return;
  auto received = job_ ? job_->received.load() : 0;
  if (received + bytes.size() > granted_) {
    refuse("The browser has sent more than it has announced.");
    return;
  }
  if (received == 0 && !looks_like_video(bytes)) {
    refuse("This file is not a video. MP4, MOV, WebM, MKV, AVI, MPEG, TS, OGG, "
           "FLV and WMV are understood.");
    return;
  }
  try {
    job_->spool.append(bytes);
  } catch (const std::runtime_error& error) {
    refuse(error.what());
    return;
  }
  job_->received = received + bytes.size();
  if (job_->received == job_->view.size)
    job_->is_complete = true;
  caf::anon_send(owner_, grown_atom::value);
  watch_for_stall();
}

/// Tells the browser how far it may go.
void upload_connection::grant() {
  if (is_over_)
    return;
  auto size = job_->view.size;
  auto until = std::min(size, job_->taken + window);
  auto is_worth_it =
    until >= granted_ + grant_step || (until == size && granted_ < size);
  if (!is_worth_it)
    return;
  granted_ = until;
  watch_for_stall();
  send_text(json{
    {"type", "go"},
    {"id", job_->view.id},
    {"received", job_->received.load()},
    {"until",
     until}}.dump());
}

/// Something has come, or more may: the time begins anew. What waits for a runner
/// and not for the browser may take as long as it does.
void upload_connection::watch_for_stall() {
  stall_.cancel();
  if (is_over_ || (job_ && job_->received == granted_))
    return;
  stall_.expires_after(desk_->stall_timeout);
  std::weak_ptr<connection> weak = weak_from_this();
  stall_.async_wait([weak](const boost::system::error_code& ec) {
    auto self = std::static_pointer_cast<upload_connection>(weak.lock());
    if (!ec && self
        && self->stall_.expiry() <= std::chrono::steady_clock::now())
      self->refuse(fmt::format("Nothing of this video has come for {}.",
                               format_time(self->desk_->stall_timeout)));
  });
}

/// Takes nothing more. Where there is an upload, it ends by its actor, which tells
/// how when its place is free.
void upload_connection::refuse(const std::string& problem) {
  if (std::exchange(is_over_, true))
    return;
  stall_.cancel();
  if (owner_)
    caf::anon_send(owner_, refuse_atom::value, problem);
  else
    tell_end({false, problem});
}

void upload_connection::end(const upload_ended& how) {
  is_over_ = true;
  stall_.cancel();
  tell_end(how);
}

void upload_connection::tell_end(const upload_ended& how) {
  send_text(
    json{{"type", "end"}, {"done", how.is_done}, {"problem", how.problem}}.dump(
      -1, ' ', false, json::error_handler_t::replace));
  close();
}

} // namespace studio
