#include "uploads/uploads.hpp"

namespace studio {

namespace {

using namespace std::chrono_literals;

using job_ptr = std::shared_ptr<upload_job>;

class owner : public caf::event_based_actor {
public:
  owner(caf::actor_config& cfg, flame::supervisor supervisor, job_ptr job,
        std::function<void(const upload_ended&)> on_end)
    : event_based_actor(cfg),
      supervisor_(std::move(supervisor)),
      job_(std::move(job)),
      on_end_(std::move(on_end)) {
    // nop
  }

  const char* name() const override {
    return "studio.owner";
  }

  void on_exit() override {
    job_.reset();
  }

protected:
  caf::behavior make_behavior() override {
    job_->owner = caf::actor_cast<caf::actor>(this);
    // The one actor that it monitors is the supervisor. Where that gives up,
    // nobody looks after the upload any more.
    set_down_handler([this](const caf::down_msg&) {
      end({false, "The studio has lost this upload. Try it again."});
    });
    monitor(supervisor_.handle());
    request(supervisor_.handle(), 10s, flame::one_more(job_))
      .then(
        [this](const flame::child_info& child) {
          started(child);
        },
        [this](const caf::error& why) {
          end({false,
               "The upload could not be started: " + flame::describe(why)});
        });
    return {
      [this](grown_atom) {
        has_grown_ = true;
        if (upload_)
          send(upload_.handle(), grown_atom::value);
      },
      [this](refuse_atom, const std::string& problem) {
        problem_ = problem;
        if (upload_)
          send(upload_.handle(), refuse_atom::value, problem);
      },
      [this](const upload_ended& how) {
        end(how);
      },
    };
  }

private:
  void started(const flame::child_info& child) {
    upload_ = supervisor_.child(child.id);
    if (has_grown_)
      send(upload_.handle(), grown_atom::value);
    if (!problem_.empty())
      send(upload_.handle(), refuse_atom::value, problem_);
  }

  void end(const upload_ended& how) {
    on_end_(how);
    quit();
  }

  flame::supervisor supervisor_;
  job_ptr job_;
  std::function<void(const upload_ended&)> on_end_;
  /// Whichever actor looks after the upload.
  flame::child_ref upload_;
  /// What came before there was one.
  bool has_grown_ = false;
  std::string problem_;
};

} // namespace

flame::supervisor_options uploads_supervisor(
  std::shared_ptr<const workplace> where) {
  auto start = [where](caf::event_based_actor* supervisor, job_ptr job) {
    return supervisor->system().spawn<upload_actor>(std::move(job), where);
  };
  return {
    .name = "uploads",
    .strategy = flame::strategy::dynamic,
    .intensity = 20,
    .period = 10s,
    .log = "warn",
    .children = {
      {.id = "upload", .start = start, .restart = flame::restart::transient}}};
}

caf::actor spawn_owner(caf::actor_system& system, flame::supervisor supervisor,
                       std::shared_ptr<upload_job> job,
                       std::function<void(const upload_ended&)> on_end) {
  return system.spawn<owner>(std::move(supervisor), std::move(job),
                             std::move(on_end));
}

} // namespace studio
