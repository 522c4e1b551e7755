#include "database/database.hpp"

#include <chrono>

#include <caf/all.hpp>
#include <flame/flame.hpp>
#include <fmt/format.h>

#include "database/postgres_repository.hpp"
#include "database/sqlite_repository.hpp"
#include "messages.hpp"

namespace studio {

namespace {

/// An empty one is the last.
struct database_task {
  std::function<void(repository&)> run;
};

} // namespace

} // namespace studio

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(studio::database_task)

namespace studio {

namespace {

/// Longer than a database may wait for others.
constexpr auto write_patience = std::chrono::seconds{15};

template <class F>
caf::result<void> answer_of(F write) {
  try {
    write();
    return {};
  } catch (const database_error& error) {
    return caf::make_error(caf::sec::runtime_error, std::string{error.what()});
  }
}

caf::behavior database_server(caf::event_based_actor* self,
                              const std::shared_ptr<repository>& videos) {
  return {
    [=](begin_atom, const video_attempt& by, const video_title& what) {
      return answer_of([&] {
        videos->begin(by, what);
      });
    },
    [=](caf::add_atom, const video_attempt& by, const thumbnail& what) {
      return answer_of([&] {
        videos->add(by, what);
      });
    },
    [=](finish_atom, const video_attempt& by, const video_facts& what) {
      return answer_of([&] {
        videos->finish(by, what);
      });
    },
    [=](const database_task& task) {
      if (task.run)
        task.run(*videos);
      else
        self->quit();
    },
  };
}

/// Writes by way of the parent. Each write waits for its answer, so that no more
/// than one is on its way; the control connection has other things to do.
class remote_writer final : public video_writer {
public:
  explicit remote_writer(caf::actor server) : server_(std::move(server)) {
    // nop
  }

  void begin(const video_attempt& by, const video_title& what) override {
    request(begin_atom::value, by, what);
  }

  void add(const video_attempt& by, const thumbnail& what) override {
    request(caf::add_atom::value, by, what);
  }

  void finish(const video_attempt& by, const video_facts& what) override {
    request(finish_atom::value, by, what);
  }

private:
  template <class... Ts>
  void request(const Ts&... what) {
    caf::scoped_actor self{server_.home_system()};
    self->request(server_, write_patience, what...)
      .receive(
        [] {
          // It is written.
        },
        [](const caf::error& why) {
          throw database_error{flame::describe(why)};
        });
  }

  caf::actor server_;
};

std::unique_ptr<repository> make_repository(
  const database_url& which, const std::filesystem::path& scratch) {
  if (auto* postgres = std::get_if<postgres_url>(&which))
    return std::make_unique<postgres_repository>(postgres->text);
  auto& file = std::get<sqlite_url>(which).file;
  return std::make_unique<sqlite_repository>(
    file.empty() ? scratch / "studio.db" : file);
}

} // namespace

database::database(caf::actor_system& system, const database_url& which,
                   const std::filesystem::path& scratch) {
  std::shared_ptr<repository> videos = make_repository(which, scratch);
  videos->open();
  server_ = system.spawn<caf::detached>(database_server, std::move(videos));
  if (auto* postgres = std::get_if<postgres_url>(&which))
    storage_ = postgres->text;
  else
    storage_ = server_;
}

database::~database() {
  caf::anon_send(server_, database_task{});
  caf::scoped_actor self{server_.home_system()};
  self->wait_for(server_);
}

void database::ask(std::function<void(repository&)> what) const {
  caf::anon_send(server_, database_task{std::move(what)});
}

std::shared_ptr<video_writer> open_storage(const video_storage& where) {
  if (auto* server = std::get_if<caf::actor>(&where))
    return std::make_shared<remote_writer>(*server);
  return shared_postgres(std::get<std::string>(where));
}

} // namespace studio
