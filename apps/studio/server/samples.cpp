#include "server/samples.hpp"

#include <fstream>
#include <map>
#include <vector>

#include <caf/all.hpp>
#include <flame/flame.hpp>
#include <fmt/format.h>

namespace studio {

namespace {

struct sample_request {
  sample_info which;
  web::responder respond;
};

} // namespace

} // namespace studio

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(studio::sample_request)

namespace studio {

namespace {

struct making {
  std::ofstream file;
  std::vector<web::responder> waiting;
};

class sample_maker : public caf::event_based_actor {
public:
  sample_maker(caf::actor_config& cfg, flame::pool where,
               std::filesystem::path directory, std::uint32_t seconds)
    : event_based_actor(cfg),
      pool_(std::move(where)),
      directory_(std::move(directory)),
      seconds_(seconds) {
    // nop
  }

  const char* name() const override {
    return "studio.samples";
  }

protected:
  caf::behavior make_behavior() override {
    return {
      [this](const sample_request& asked) {
        answer(asked);
      },
    };
  }

private:
  std::filesystem::path path_of(const sample_info& which) const {
    return directory_ / which.file_name;
  }

  void answer(const sample_request& asked) {
    if (std::filesystem::exists(path_of(asked.which)))
      return asked.respond(found(asked.which));
    auto& [file, waiting] = making_[asked.which.kind];
    waiting.push_back(asked.respond);
    if (waiting.size() == 1)
      make(asked.which, file);
  }

  web::reply found(const sample_info& which) const {
    web::reply result;
    result.type = which.content_type;
    result.file = path_of(which);
    return result;
  }

  void make(const sample_info& which, std::ofstream& file) {
    auto part = path_of(which);
    part += ".part";
    file.open(part, std::ios::binary | std::ios::trunc);
    flame::stream(
      this, pool_, {.timeout = std::chrono::minutes{2}},
      [](std::stop_token stop, flame::emitter<std::vector<char>>& out,
         sample_kind kind, std::uint32_t seconds) {
        make_sample(std::move(stop), out, kind, seconds);
      },
      which.kind, seconds_)
      .then(
        [&file](const std::vector<char>& bytes) {
          file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        },
        [this, which, part] {
          auto& made = making_[which.kind];
          made.file.close();
          std::error_code ec;
          if (made.file)
            std::filesystem::rename(part, path_of(which), ec);
          else
            ec = std::make_error_code(std::errc::io_error);
          finish(which, ec ? web::failure(503, "The sample could not be kept: "
                                                 + ec.message())
                           : found(which));
        },
        [this, which](const flame::call_error& error) {
          finish(which,
                 web::failure(503, fmt::format("The sample could not be made: "
                                               "{}",
                                               error.what())));
        });
  }

  void finish(const sample_info& which, const web::reply& what) {
    auto waiting = std::move(making_[which.kind].waiting);
    making_.erase(which.kind);
    for (auto& each : waiting)
      each(what);
  }

  flame::pool pool_;
  std::filesystem::path directory_;
  std::uint32_t seconds_;
  std::map<sample_kind, making> making_;
};

} // namespace

samples::samples(caf::actor_system& system, flame::pool where,
                 std::filesystem::path directory, std::uint32_t seconds)
  : maker_(system.spawn<sample_maker>(std::move(where), std::move(directory),
                                      seconds)) {
  // nop
}

samples::~samples() {
  caf::anon_send_exit(maker_, caf::exit_reason::user_shutdown);
  caf::scoped_actor self{maker_.home_system()};
  self->wait_for(maker_);
}

void samples::answer(const sample_info& which, web::responder respond) const {
  caf::anon_send(maker_, sample_request{which, std::move(respond)});
}

} // namespace studio
