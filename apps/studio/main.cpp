/// A page on which videos are dropped, and their thumbnails appear while
/// runners make them.
#include <iostream>
#include <optional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <flame/dashboard.hpp>
#include <flame/flame.hpp>

#include "live/pool_watch.hpp"
#include "media/subprocess.hpp"
#include "options.hpp"
#include "private_directory.hpp"
#include "server/live_connection.hpp"
#include "server/pages.hpp"
#include "server/upload_connection.hpp"
#include "web/server.hpp"

namespace studio {

namespace {

using namespace std::chrono_literals;

constexpr int status_failed = 1;

/// As in the configuration.
constexpr const char* pool_name = "ffmpeg";

flame::pool_options pool_defaults() {
  flame::pool_options result;
  result.max = 4;
  // ffmpeg uses several threads itself.
  result.max_concurrency = 1;
  result.idle_shutdown_after = 5s;
  result.shutdown_timeout = 2s;
  result.retry.attempts = 3;
  result.backend = "process";
  result.log = "warn";
  return result;
}

/// Waits for SIGINT or SIGTERM.
class stop_signal {
public:
  stop_signal() : signals_(io_, SIGINT, SIGTERM) {
    signals_.async_wait([](const boost::system::error_code&, int) {});
  }

  void wait() {
    io_.run();
  }

private:
  boost::asio::io_context io_{1};
  boost::asio::signal_set signals_;
};

template <class Connection, class What>
web::upgrade to_connection(std::shared_ptr<const What> what) {
  return [what](web::byte_stream&& from) {
    return std::make_shared<Connection>(std::move(from), what);
  };
}

/// Workers have no actors.
void check_reach(const flame::pool& pool, const database& videos) {
  if (pool.options().isolation == flame::isolation::process
      && std::holds_alternative<caf::actor>(videos.storage()))
    throw std::runtime_error{
      "with isolation: process, runners cannot write into a file of the "
      "studio; take isolation: thread, or --database postgresql://..."};
}

int serve(flame::node& node, const options& chosen) {
  // From here on, so that a signal during the start removes what was made.
  stop_signal stop;
  private_directory directory;
  auto& system = node.system();
  auto pool = node.pool(pool_name, pool_defaults());
  database videos{system, chosen.database, directory.path()};
  check_reach(pool, videos);
  gallery finished{videos};
  auto place = std::make_shared<const workplace>(
    workplace{pool, node.pubsub(), std::make_shared<board>(chosen.max_uploads),
              videos, thumbnail_job{.every_ms = chosen.every.count()}});
  auto uploads = flame::spawn_supervisor(system, uploads_supervisor(place));
  pool_watch watch{pool, node.pubsub()};
  auto seen = std::make_shared<const show>(show{system, place, watch});
  auto desk = std::make_shared<const upload_desk>(
    upload_desk{system, uploads, place, directory.path(), chosen.max_upload,
                chosen.stall_timeout});
  samples sample_videos{system, pool, directory.path(), chosen.sample_seconds};
  {
    web::server server{
      chosen.server,
      {.page =
         [&](std::string_view target, web::responder respond) {
           answer_page(target, sample_videos, finished, std::move(respond));
         },
       .sockets = {{"/live", to_connection<live_connection>(seen)},
                   {"/upload", to_connection<upload_connection>(desk)}}}};
    std::cout << "studio: " << server.url() << std::endl;
    std::optional<flame::dashboard> page;
    if (chosen.dashboard) {
      page.emplace(node, flame::dashboard_options{.listen = *chosen.dashboard});
      std::cout << "dashboard: " << page->url() << std::endl;
    }
    stop.wait();
  }
  uploads.shutdown();
  return EXIT_SUCCESS;
}

/// What flame runs; the same on parent and runners.
class app {
public:
  static void configure(flame::node_options& options) {
    options.command = runner_command();
    options.pools[pool_name] = pool_defaults();
    options.configure_system = [](caf::actor_system_config& config) {
      config.add_message_types<caf::id_block::studio>();
    };
  }

  int main(flame::node& node) {
    auto chosen = parse_options(node.args());
    if (auto* status = std::get_if<int>(&chosen))
      return *status;
    try {
      media::find_program("ffmpeg");
      media::find_program("ffprobe");
      return serve(node, std::get<options>(chosen));
    } catch (const flame::call_error&) {
      // `flame::run` reports these.
      throw;
    } catch (const std::runtime_error& error) {
      std::cerr << "error: " << error.what() << std::endl;
      return status_failed;
    }
  }
};

} // namespace

} // namespace studio

int main(int argc, char** argv) {
  return flame::run<studio::app>(argc, argv);
}
