#include "coordinator.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "extractor.hpp"

namespace thumbnails {

namespace {

using tick_atom = caf::atom_constant<caf::atom("tick")>;
using late_atom = caf::atom_constant<caf::atom("late")>;

constexpr auto tick_interval = std::chrono::milliseconds{100};

/// How often a segment may be lost before the video is given up.
constexpr std::uint32_t max_failures = 3;

/// Extractors end within milliseconds; one whose runner hangs is not waited
/// for.
constexpr auto stop_timeout = std::chrono::seconds{3};

/// Frames that may be missing at the end: the duration of a video is often that
/// of its sound, or not exact.
std::uint32_t tolerable_loss(milliseconds every) {
  auto frames = std::chrono::milliseconds{1000} / every;
  return static_cast<std::uint32_t>(std::max<std::int64_t>(frames, 1));
}

/// Whether another attempt, perhaps on another runner, may go better.
bool is_passing(flame::errc code) {
  switch (code) {
    case flame::errc::timeout:
    case flame::errc::runner_lost:
    case flame::errc::boot_failed:
    case flame::errc::queue_full:
    case flame::errc::out_of_resources:
      return true;
    default:
      return false;
  }
}

} // namespace

coordinator::coordinator(caf::actor_config& cfg, flame::pool where,
                         const job& what, output_directory& out,
                         progress& shown, std::promise<summary> outcome)
  : event_based_actor(cfg),
    pool_(std::move(where)),
    job_(what),
    out_(out),
    progress_(shown),
    done_(std::move(outcome)),
    written_(what.plan.frames) {
  for (auto& each : job_.plan.segments)
    pieces_.push_back({each});
  summary_.total = job_.plan.frames;
}

const char* coordinator::name() const {
  return "thumbnails.coordinator";
}

void coordinator::on_exit() {
  if (summary_.problem.empty())
    summary_.problem = "the coordinator was ended";
  try {
    done_.set_value(summary_);
  } catch (const std::future_error&) {
    // The usual case: the outcome is known already.
  }
  pieces_.clear();
}

caf::behavior coordinator::make_behavior() {
  // Extractors are linked to this actor, so that they end with it, and nobody
  // else is. How they end themselves is told by down messages, before or after
  // this one; an order to end is a message of its own.
  set_exit_handler([](const caf::exit_msg&) {});
  set_down_handler([this](const caf::down_msg& down) {
    if (auto* which = find(down.source))
      child_lost(*which, down.reason);
  });
  look_at_pool();
  delayed_send(this, tick_interval, tick_atom::value);
  place_waiting();
  return {
    [this](const extraction_started& started) {
      if (auto* which = find(started.id)) {
        which->runner = started.runner;
        progress_.segment_started(started);
      }
    },
    [this](const frame& arrived) {
      accept(arrived);
    },
    [this](const extraction_ended& end) {
      segment_ended(end);
    },
    [this](tick_atom) {
      look_at_pool();
      delayed_send(this, tick_interval, tick_atom::value);
    },
    [this](interrupt_atom) {
      stop(summary::kind::interrupted, {});
    },
    [this](late_atom) {
      finish();
    },
  };
}

// -- the work -----------------------------------------------------------------

void coordinator::place_waiting() {
  auto& options = pool_.options();
  auto slots = options.max * options.max_concurrency;
  auto used = count(state::placed);
  for (auto& each : pieces_) {
    if (used >= slots || is_stopping_)
      return;
    if (each.is != state::waiting)
      continue;
    place(each);
    ++used;
  }
}

void coordinator::place(piece& which) {
  which.is = state::placed;
  which.attempt += 1;
  which.child = caf::actor{};
  which.runner.clear();
  attempt_id id{which.what.number, which.attempt};
  extraction what{job_.video.path,
                  job_.plan.time_of(which.what.first_frame).count(),
                  job_.plan.every.count(), which.what.frames, job_.width};
  flame::place_child<extractor>(this, pool_, caf::actor{this}, id,
                                which.what.first_frame, what)
    .then(
      [this, id](const caf::actor& child) {
        child_placed(id, child);
      },
      [this, id](const flame::call_error& error) {
        child_not_placed(id, error);
      });
}

void coordinator::child_placed(attempt_id id, const caf::actor& child) {
  auto* which = find(id);
  if (is_stopping_ || !which) {
    // What is not wanted any more, or has ended already.
    send_exit(child, caf::exit_reason::user_shutdown);
    return;
  }
  which->child = child;
  monitor(child);
}

void coordinator::child_not_placed(attempt_id id,
                                   const flame::call_error& error) {
  auto* which = find(id);
  if (is_stopping_ || !which)
    return;
  if (!is_passing(error.code())) {
    summary_.is_misconfigured =
      error.code() == flame::errc::invalid_configuration;
    fail(error.what());
    return;
  }
  // Fewer slots than hoped for are no failure, as long as others have one.
  auto is_crowded =
    error.code() != flame::errc::runner_lost && count(state::placed) > 1;
  if (is_crowded)
    which->is = state::waiting;
  else
    make_again(*which, error.what());
}

void coordinator::child_lost(piece& which, const caf::error& reason) {
  which.child = caf::actor{};
  if (is_stopping_) {
    if (std::ranges::none_of(pieces_, [](const piece& each) {
          return static_cast<bool>(each.child);
        }))
      finish();
  } else if (which.is == state::placed) {
    // The pool logs how the runner ended; here, only the connection did.
    if (reason == caf::exit_reason::remote_link_unreachable)
      make_again(which, fmt::format("runner {} was lost", which.runner));
    else
      make_again(which, flame::describe(reason));
  }
}

void coordinator::accept(const frame& arrived) {
  auto* which = find(arrived.id);
  if (!which || is_stopping_ || arrived.index >= written_.size())
    return;
  if (!written_[arrived.index]) {
    try {
      out_.write(frame_name(arrived.index), arrived.jpeg);
    } catch (const std::runtime_error& error) {
      fail(error.what());
      return;
    }
    written_[arrived.index] = true;
    summary_.frames += 1;
    progress_.frame_written({arrived.index, job_.plan.time_of(arrived.index),
                             arrived.id, which->runner, summary_.frames});
  }
  send(caf::actor_cast<caf::actor>(current_sender()),
       frame_accepted{arrived.index});
}

void coordinator::segment_ended(const extraction_ended& end) {
  auto* which = find(end.id);
  if (!which || is_stopping_)
    return;
  progress_.ffmpeg_ended(end);
  if (end.by_signal) {
    make_again(*which, end.problem);
  } else if (!end.problem.empty()) {
    fail(
      fmt::format("cannot take frames from {} on: {}",
                  time_stamp(job_.plan.time_of(which->what.first_frame), true),
                  end.problem));
  } else {
    which->is = state::done;
    which->child = caf::actor{};
    place_waiting();
    complete_if_done();
  }
}

void coordinator::make_again(piece& which, const std::string& reason) {
  which.is = state::waiting;
  which.child = caf::actor{};
  which.failures += 1;
  if (which.failures >= max_failures) {
    fail(fmt::format("segment {} was lost {} times; the last time: {}",
                     which.what.number + 1, which.failures, reason));
    return;
  }
  summary_.retries += 1;
  progress_.segment_retry({which.what.number, which.attempt}, reason);
  place_waiting();
}

// -- its end ------------------------------------------------------------------

void coordinator::complete_if_done() {
  if (count(state::done) < pieces_.size())
    return;
  auto missing = std::ranges::find(written_, false);
  auto present = static_cast<std::uint32_t>(missing - written_.begin());
  auto has_gap = std::find(missing, written_.end(), true) != written_.end();
  auto lost = summary_.total - present;
  if (present == 0) {
    fail("ffmpeg found no frame in the video");
  } else if (has_gap || lost > tolerable_loss(job_.plan.every)) {
    fail(fmt::format("the video is damaged: from {} on frames are missing",
                     time_stamp(job_.plan.time_of(present), true)));
  } else {
    summary_.total = present;
    summary_.how = summary::kind::complete;
    finish();
  }
}

void coordinator::fail(std::string problem) {
  stop(summary::kind::failed, std::move(problem));
}

void coordinator::stop(summary::kind how, std::string problem) {
  if (is_stopping_)
    return;
  is_stopping_ = true;
  summary_.how = how;
  summary_.problem = std::move(problem);
  auto is_alone = true;
  for (auto& each : pieces_) {
    if (!each.child)
      continue;
    // It ends ffmpeg before the down message comes.
    send_exit(each.child, caf::exit_reason::user_shutdown);
    is_alone = false;
  }
  if (is_alone)
    finish();
  else
    delayed_send(this, stop_timeout, late_atom::value);
}

void coordinator::finish() {
  look_at_pool();
  // What is being placed is linked to this actor, and a normal end would not
  // reach it.
  quit(is_stopping_ ? caf::exit_reason::user_shutdown
                    : caf::exit_reason::normal);
  try {
    done_.set_value(summary_);
  } catch (const std::future_error&) {
    // Once is enough.
  }
}

// -- what there is ------------------------------------------------------------

coordinator::piece* coordinator::find(attempt_id id) {
  if (id.segment >= pieces_.size())
    return nullptr;
  auto& which = pieces_[id.segment];
  return which.is == state::placed && which.attempt == id.attempt ? &which
                                                                  : nullptr;
}

coordinator::piece* coordinator::find(const caf::actor_addr& child) {
  auto i = std::ranges::find_if(pieces_, [&](const piece& each) {
    return each.child && each.child.address() == child;
  });
  return i == pieces_.end() ? nullptr : &*i;
}

std::size_t coordinator::count(state which) const {
  return static_cast<std::size_t>(
    std::ranges::count(pieces_, which, &piece::is));
}

void coordinator::look_at_pool() {
  auto stats = pool_.stats();
  summary_.most_runners = std::max(summary_.most_runners, stats.runners);
  progress_.tick(stats.runners, stats.booting);
}

} // namespace thumbnails
