/// Takes a frame of a video at regular times: one ffmpeg per segment of the
/// video, each on a runner.
#include <condition_variable>
#include <future>
#include <iostream>
#include <mutex>

#include <flame/flame.hpp>
#include <fmt/format.h>

#include "contact_sheet.hpp"
#include "coordinator.hpp"
#include "interruption.hpp"
#include "media/subprocess.hpp"
#include "options.hpp"
#include "output_directory.hpp"
#include "progress.hpp"
#include "segment_plan.hpp"
#include "video_probe.hpp"

namespace thumbnails {

namespace {

using namespace std::chrono_literals;

constexpr int status_failed = 1;
constexpr int status_misconfigured = 2;

/// A pool that shrinks later than this is not waited for.
constexpr auto longest_idle_time = 5s;
constexpr auto shrink_margin = 5s;
constexpr auto shrink_look = 50ms;

flame::pool_options pool_defaults() {
  flame::pool_options result;
  result.max = 4;
  // ffmpeg uses several threads itself.
  result.max_concurrency = 1;
  result.idle_shutdown_after = 2s;
  result.timeout = 60s;
  result.shutdown_timeout = 10s;
  result.backend = "process";
  // What runners there are is shown by the program itself.
  result.log = "warn";
  return result;
}

std::unique_ptr<progress> make_progress(const options& chosen) {
  if (chosen.as_json)
    return make_json_progress();
  if (chosen.is_quiet)
    return make_quiet_progress();
  return make_text_progress();
}

/// One video, from the command line to the contact sheet.
class run {
public:
  run(flame::node& node, options chosen)
    : node_(node),
      chosen_(std::move(chosen)),
      progress_(make_progress(chosen_)) {
    // nop
  }

  int operator()() {
    try {
      auto status = make();
      if (status != EXIT_SUCCESS)
        return status;
    } catch (const flame::call_error& error) {
      // `flame::run` reports these, with a status of their own.
      if (error.code() == flame::errc::invalid_configuration)
        throw;
      fail(error);
    } catch (const std::runtime_error& error) {
      fail(error);
    }
    return report();
  }

private:
  /// Everything that can be known beforehand is checked before work begins.
  int make() {
    media::find_program("ffmpeg");
    auto font = find_font(chosen_.font);
    job_.video = probe_video(chosen_.video, interruption_.token());
    if (interruption_.token().stop_requested())
      return interrupted();
    job_.plan = make_plan(job_.video.duration, chosen_.every, chosen_.segment);
    job_.out = chosen_.out;
    job_.width = chosen_.width;
    summary_.total = job_.plan.frames;
    // First the pool: a mistake in its options leaves no directory behind.
    auto pool = node_.pool(chosen_.pool, pool_defaults());
    output_directory out{job_.out};
    progress_->started(job_);
    is_started_ = true;
    extract(pool, out);
    if (summary_.how == summary::kind::complete)
      make_sheet(out, font);
    if (summary_.how == summary::kind::complete)
      watch_pool_shrink(pool);
    return EXIT_SUCCESS;
  }

  void fail(const std::runtime_error& error) {
    summary_.how = summary::kind::failed;
    summary_.problem = error.what();
  }

  int interrupted() {
    std::cerr << "interrupted before a frame was taken" << std::endl;
    return status_interrupted;
  }

  void extract(const flame::pool& pool, output_directory& out) {
    std::promise<summary> promise;
    auto outcome = promise.get_future();
    // Monitored from its birth, which makes this thread the last to be told of
    // its end: CAF tells the newest first. When CAF's own brokers are told while
    // they shut down, they keep the news, which keeps the actor, whose thread
    // the system waits for.
    caf::scoped_actor self{node_.system()};
    auto worker = self->spawn<coordinator, caf::detached + caf::monitored>(
      pool, job_, out, *progress_, std::move(promise));
    {
      std::stop_callback on_interruption{interruption_.token(), [&] {
                                           caf::anon_send(
                                             worker, interrupt_atom::value);
                                         }};
      self->receive([](const caf::down_msg&) {});
    }
    summary_ = outcome.get();
  }

  void make_sheet(output_directory& out, const std::filesystem::path& font) {
    progress_->making_sheet();
    sheet_request request{out.path(),      job_.video, chosen_.every,
                          summary_.frames, font,       chosen_.columns};
    try {
      auto sheet = make_contact_sheet(request, interruption_.token());
      if (!sheet) {
        summary_.how = summary::kind::interrupted;
        return;
      }
      out.write(sheet_name, *sheet);
    } catch (const std::runtime_error& error) {
      fail(error);
      return;
    }
    summary_.sheet = out.path() / sheet_name;
    out.remove_frames_from(summary_.frames);
  }

  /// Runners go when they have been idle for a while, which is the point of
  /// the whole; where it happens soon, it is worth watching.
  void watch_pool_shrink(const flame::pool& pool) {
    auto& options = pool.options();
    if (options.idle_shutdown_after > longest_idle_time)
      return;
    std::mutex mutex;
    std::condition_variable_any ended;
    auto until = std::chrono::steady_clock::now() + options.idle_shutdown_after
                 + shrink_margin;
    auto left = [&] {
      auto stats = pool.stats();
      return stats.runners + stats.booting;
    };
    std::unique_lock guard{mutex};
    auto token = interruption_.token();
    while (left() > options.min && std::chrono::steady_clock::now() < until
           && !token.stop_requested()) {
      progress_->shrinking(summary_.most_runners, left());
      // Nobody notifies: this is a wait that an interruption ends.
      ended.wait_for(guard, token, shrink_look, [] {
        return false;
      });
    }
    if (token.stop_requested())
      summary_.how = summary::kind::interrupted;
    else
      progress_->shrunk(summary_.most_runners, left());
  }

  int report() {
    if (is_started_)
      progress_->finished(summary_);
    switch (summary_.how) {
      case summary::kind::complete:
        return EXIT_SUCCESS;
      case summary::kind::interrupted:
        return status_interrupted;
      case summary::kind::failed:
        break;
    }
    std::cerr << "error: " << summary_.problem << std::endl;
    return summary_.is_misconfigured ? status_misconfigured : status_failed;
  }

  flame::node& node_;
  options chosen_;
  interruption interruption_;
  std::unique_ptr<progress> progress_;
  job job_;
  summary summary_;
  bool is_started_ = false;
};

/// What flame runs; the same on parent and runners.
class app {
public:
  static void configure(flame::node_options& options) {
    options.pools["ffmpeg"] = pool_defaults();
    options.configure_system = [](caf::actor_system_config& config) {
      config.add_message_types<caf::id_block::thumbnails>();
    };
  }

  int main(flame::node& node) {
    auto chosen = parse_options(node.args());
    if (auto* status = std::get_if<int>(&chosen))
      return *status;
    return run{node, std::get<options>(std::move(chosen))}();
  }
};

} // namespace

} // namespace thumbnails

int main(int argc, char** argv) {
  return flame::run<thumbnails::app>(argc, argv);
}
