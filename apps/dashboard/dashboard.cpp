#include "flame/dashboard.hpp"

#include <fmt/format.h>

#include "assets.hpp"
#include "listen_address.hpp"
#include "node_watch.hpp"
#include "ticker.hpp"
#include "web/server.hpp"

namespace flame {

namespace {

using namespace std::chrono_literals;

template <class T>
void check_range(const char* name, T value, T least, T most,
                 const char* range) {
  if (value < least || value > most)
    throw call_error{errc::invalid_configuration,
                     fmt::format("{} of a dashboard is {}", name, range)};
}

dashboard_options checked(dashboard_options options) {
  check_range<duration>("every", options.every, 100ms, 1min,
                        "a time from 100 ms to 1 min");
  check_range<duration>("patience", options.patience, 10ms, 1h,
                        "a time from 10 ms to 1 h");
  check_range<std::size_t>("max_connections", options.max_connections, 1,
                           10'000, "a number from 1 to 10,000");
  return options;
}

web::server_options server_options_of(const dashboard_options& options) {
  auto where = dash::parse_listen(options.listen);
  return {.name = "dashboard",
          .address = where.ip,
          .port = where.port,
          .path = where.path,
          .max_connections = options.max_connections,
          .patience = options.patience};
}

} // namespace

class dashboard::impl {
public:
  impl(node& of, const dashboard_options& options)
    : watch_(of, options.every),
      feed_([this](std::uint64_t& told) {
        return watch_.news(told);
      }) {
    // So that the first who asks is told something.
    watch_.look();
    watch_.look_at_tree();
    serve(options);
    url_ = server_->url();
    pools_.emplace("dashboard", options.every, [this] {
      watch_.look();
      feed_.ring();
    });
    tree_.emplace("dashboard.tree", options.every, [this] {
      watch_.look_at_tree();
    });
  }

  const std::string& url() const noexcept {
    return url_;
  }

private:
  void serve(const dashboard_options& options) {
    auto settings = server_options_of(options);
    try {
      server_.emplace(
        settings, web::server_routes{.page =
                                       [this](std::string_view target,
                                              const web::responder& respond) {
                                         respond(answer(target));
                                       },
                                     .events = {{"/events", &feed_}}});
    } catch (const std::runtime_error& error) {
      throw call_error{errc::out_of_resources,
                       fmt::format("a dashboard {}", error.what())};
    }
  }

  web::reply answer(std::string_view target) const {
    if (auto found = web::find_asset(dash::assets(), target))
      return std::move(*found);
    if (target != "/state.json")
      return web::failure(404, "There is nothing here.");
    std::uint64_t nothing_yet = 0;
    web::reply result;
    result.type = "application/json";
    result.text =
      watch_.state(nothing_yet)
        .dump(1, ' ', false, nlohmann::json::error_handler_t::replace);
    return result;
  }

  dash::node_watch watch_;
  web::event_feed feed_;
  std::optional<web::server> server_;
  std::string url_;
  std::optional<dash::ticker> pools_;
  std::optional<dash::ticker> tree_;
};

dashboard::dashboard(node& of, dashboard_options options)
  : impl_(std::make_unique<impl>(of, checked(std::move(options)))) {
  // nop
}

dashboard::~dashboard() = default;

const std::string& dashboard::url() const noexcept {
  return impl_->url();
}

} // namespace flame
