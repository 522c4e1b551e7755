#include <chrono>
#include <iostream>

#include <nlohmann/json.hpp>

#include "output_directory.hpp"
#include "progress.hpp"

namespace thumbnails {

namespace {

using json = nlohmann::ordered_json;

double seconds(milliseconds time) {
  return std::chrono::duration<double>(time).count();
}

/// Milliseconds since 1970, for comparison with other processes.
std::int64_t wall_clock() {
  return std::chrono::duration_cast<milliseconds>(
           std::chrono::system_clock::now().time_since_epoch())
    .count();
}

const char* name_of(summary::kind how) {
  switch (how) {
    case summary::kind::complete:
      return "complete";
    case summary::kind::failed:
      return "failed";
    case summary::kind::interrupted:
      return "interrupted";
  }
  return "failed";
}

class json_progress final : public progress {
public:
  void started(const job& what) override {
    write("started", {{"video", what.video.path},
                      {"duration", what.video.duration.count() / 1e6},
                      {"every", seconds(what.plan.every)},
                      {"frames", what.plan.frames},
                      {"segments", what.plan.segments.size()},
                      {"out", what.out.string()}});
  }

  void tick(std::size_t runners, std::size_t booting) override {
    if (runners == runners_ && booting == booting_)
      return;
    runners_ = runners;
    booting_ = booting;
    write("runners", {{"runners", runners}, {"booting", booting}});
  }

  void segment_started(const extraction_started& what) override {
    write("segment_started", {{"segment", what.id.segment},
                              {"attempt", what.id.attempt},
                              {"runner", what.runner},
                              {"runner_pid", what.runner_pid},
                              {"ffmpeg_pid", what.ffmpeg_pid}});
  }

  void frame_written(const frame_event& what) override {
    write("frame", {{"index", what.index},
                    {"time", seconds(what.time)},
                    {"segment", what.id.segment},
                    {"attempt", what.id.attempt},
                    {"runner", what.runner},
                    {"file", frame_name(what.index)},
                    {"done", what.done}});
  }

  void segment_retry(attempt_id failed, const std::string& reason) override {
    write("segment_retry", {{"segment", failed.segment},
                            {"attempt", failed.attempt},
                            {"reason", reason}});
  }

  void ffmpeg_ended(const extraction_ended& what) override {
    write("ffmpeg_ended", {{"segment", what.id.segment},
                           {"attempt", what.id.attempt},
                           {"frames", what.frames},
                           {what.by_signal ? "signal" : "status", what.status},
                           {"ended_at", what.ended_at}});
  }

  void making_sheet() override {
    write("making_sheet", json::object());
  }

  void shrinking(std::size_t, std::size_t runners) override {
    tick(runners, 0);
  }

  void shrunk(std::size_t from, std::size_t runners) override {
    tick(runners, 0);
    write("shrunk", {{"from", from}, {"runners", runners}});
  }

  void finished(const summary& how) override {
    json fields{{"how", name_of(how.how)},
                {"frames", how.frames},
                {"total", how.total},
                {"retries", how.retries},
                {"most_runners", how.most_runners}};
    if (!how.sheet.empty())
      fields["sheet"] = how.sheet.string();
    if (!how.problem.empty())
      fields["problem"] = how.problem;
    write("done", fields);
  }

private:
  void write(const char* event, const json& fields) {
    auto since =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_);
    json line{{"event", event},
              {"seconds", std::round(since.count() * 1e3) / 1e3},
              {"at", wall_clock()}};
    line.update(fields);
    // Names of files need not be UTF-8.
    std::cout << line.dump(-1, ' ', false, json::error_handler_t::replace)
              << std::endl;
  }

  std::chrono::steady_clock::time_point begin_ =
    std::chrono::steady_clock::now();
  std::size_t runners_ = 0;
  std::size_t booting_ = 0;
};

} // namespace

std::unique_ptr<progress> make_json_progress() {
  return std::make_unique<json_progress>();
}

} // namespace thumbnails
