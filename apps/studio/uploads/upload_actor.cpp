#include "uploads/upload_actor.hpp"

#include <algorithm>
#include <iostream>
#include <stdexcept>

#include <fmt/format.h>

#include "live/topics.hpp"
#include "messages.hpp"

namespace studio {

namespace {

using tick_atom = caf::atom_constant<caf::atom("tick")>;
using again_atom = caf::atom_constant<caf::atom("again")>;

constexpr std::size_t chunk_size = 64 * 1024;

/// Upload and work together: nobody keeps a slot for ever.
constexpr auto longest = std::chrono::hours{1};

/// How often browsers hear how much has arrived.
constexpr auto progress_interval = std::chrono::milliseconds{100};

/// For people, who know nothing of pools.
std::string explain(const flame::call_error& error) {
  switch (error.code()) {
    case flame::errc::remote_exception:
      return error.what();
    case flame::errc::runner_lost:
    case flame::errc::call_crashed:
      return fmt::format(
        "The runner {} was lost while it worked on this video.",
        error.runner());
    case flame::errc::boot_failed:
      return "No runner could be started for this video.";
    case flame::errc::queue_full:
      return "Too many videos are waiting already. Try again later.";
    case flame::errc::pool_closed:
      return "The studio is closing.";
    case flame::errc::timeout:
      return "This video took too long.";
    default:
      return fmt::format("Something went wrong: {}", error.what());
  }
}

} // namespace

upload_actor::upload_actor(caf::actor_config& cfg,
                           std::shared_ptr<upload_job> what,
                           std::shared_ptr<const workplace> where)
  : event_based_actor(cfg),
    job_(std::move(what)),
    where_(std::move(where)) {
  // nop
}

const char* upload_actor::name() const {
  return "studio.upload";
}

void upload_actor::on_exit() {
  stream_.reset();
  job_.reset();
}

caf::behavior upload_actor::make_behavior() {
  // The one actor that it monitors is its owner.
  set_down_handler([this](const caf::down_msg&) {
    end(upload_state::cancelled, {});
  });
  monitor(job_->owner);
  begin();
  return {
    [this](grown_atom) {
      feed();
      publish_soon();
    },
    [this](refuse_atom, const std::string& problem) {
      end(upload_state::failed, problem);
    },
    [this](tick_atom) {
      will_publish_ = false;
      publish();
    },
    [this](again_atom) {
      begin();
    },
  };
}

// -- an attempt ---------------------------------------------------------------

void upload_actor::begin() {
  sent_ = 0;
  has_said_all_ = false;
  job_->taken = 0;
  auto& view = job_->view;
  view.thumbnails = 0;
  view.runner.clear();
  if (view.state != upload_state::retrying)
    view.state = upload_state::queued;
  auto options = flame::call_options{.timeout = longest};
  stream_.emplace(
    flame::stream(
      this, where_->pool, options,
      [](std::stop_token stop, flame::emitter<thumbnail_news>& out,
         flame::source<video_chunk>& in, thumbnail_job what,
         video_order order) {
        return make_thumbnails(std::move(stop), out, in, what,
                               std::move(order));
      },
      where_->job,
      video_order{{view.id, view.attempt},
                  {view.name, view.size, view.created_ms},
                  where_->videos.storage()})
      .then(
        [this](const thumbnail_news& news) {
          std::visit(
            [this](auto& each) {
              tell(each);
            },
            news);
        },
        [this](const made_thumbnails& made) {
          attempt_ended(made);
        },
        [this](const flame::call_error& error) {
          attempt_failed(error);
        }));
  stream_->on_room([this] {
    feed();
  });
  publish();
  feed();
}

/// As much as there is room for on the way to the runner.
void upload_actor::feed() {
  if (!stream_ || has_said_all_)
    return;
  // First this: what has arrived may grow between the two.
  auto is_complete = job_->is_complete.load();
  auto received = job_->received.load();
  try {
    auto has_room = true;
    while (has_room && sent_ < received) {
      auto size = std::min<std::uint64_t>(chunk_size, received - sent_);
      has_room = stream_->send(job_->spool.read(sent_, size));
      sent_ += size;
    }
  } catch (const std::runtime_error& error) {
    return end(upload_state::failed, error.what());
  }
  if (is_complete && sent_ == received) {
    has_said_all_ = true;
    stream_->end_input();
  }
  job_->taken = sent_;
  job_->on_taken();
}

void upload_actor::tell(const work_started& news) {
  job_->view.state = upload_state::working;
  job_->view.runner = news.runner;
  publish();
}

void upload_actor::tell(const video_facts& news) {
  job_->view.facts = news;
  publish_soon();
}

void upload_actor::tell(const waits_for_end&) {
  job_->view.state = upload_state::waiting;
  publish();
}

void upload_actor::tell(const thumbnail& news) {
  auto& view = job_->view;
  view.thumbnails += 1;
  view.state = upload_state::working;
  where_->uploads->update(view);
  where_->uploads->add_thumbnail(view.id, news.time_ms);
  where_->topics.publish(
    topic::uploads,
    live_event{thumbnail_event(view.id, view.attempt, news), news.jpeg});
}

void upload_actor::tell(const work_failed& news) {
  end(upload_state::failed, news.problem);
}

// -- its end ------------------------------------------------------------------

void upload_actor::attempt_ended(const made_thumbnails& made) {
  if (job_->view.facts.duration_ms == 0)
    job_->view.facts.duration_ms = made.duration_ms;
  if (made.problem.empty())
    return end(upload_state::done, {});
  std::cerr << "studio: a video is not kept: " << made.problem << std::endl;
  forget();
  end(upload_state::done, "This video is not kept: the database of the studio "
                          "could not be reached.");
}

void upload_actor::attempt_failed(const flame::call_error& error) {
  stream_.reset();
  if (!is_worth_another(error)) {
    end(upload_state::failed, explain(error));
    return;
  }
  auto& view = job_->view;
  auto& retry = where_->pool.options().retry;
  auto pause = retry.backoff * (1LL << std::min(view.attempt - 1, 10u));
  view.attempt += 1;
  view.state = upload_state::retrying;
  view.note = explain(error);
  publish();
  delayed_send(this,
               std::chrono::duration_cast<std::chrono::milliseconds>(pause),
               again_atom::value);
}

bool upload_actor::is_worth_another(const flame::call_error& error) const {
  auto& retry = where_->pool.options().retry;
  return job_->view.attempt < retry.attempts
         && std::ranges::find(retry.on, error.code()) != retry.on.end();
}

void upload_actor::end(upload_state how, std::string problem) {
  auto& view = job_->view;
  view.state = how;
  view.note = problem;
  if (how != upload_state::done)
    forget();
  // First this: whoever hears of the end finds that there is room again.
  where_->uploads->remove(view.id);
  publish();
  send(job_->owner,
       upload_ended{how == upload_state::done, std::move(problem)});
  quit();
}

/// Removes what is kept of the video.
void upload_actor::forget() const {
  where_->videos.ask([id = job_->view.id](repository& videos) {
    try {
      videos.remove(id);
    } catch (const database_error& error) {
      std::cerr << "studio: a video is left behind: " << error.what()
                << std::endl;
    }
  });
}

// -- what browsers hear -------------------------------------------------------

void upload_actor::publish() {
  job_->view.received = job_->received;
  where_->uploads->update(job_->view);
  where_->topics.publish(topic::uploads,
                         live_event{upload_event(job_->view), {}});
}

void upload_actor::publish_soon() {
  if (std::exchange(will_publish_, true))
    return;
  delayed_send(this, progress_interval, tick_atom::value);
}

} // namespace studio
