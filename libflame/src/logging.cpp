#include "logging.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>

namespace flame::detail {

spdlog::logger& log() {
  static spdlog::logger instance = [] {
    auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
    sink->set_pattern("%H:%M:%S.%e %^%-5l%$ flame %v");
    return spdlog::logger{"flame", std::move(sink)};
  }();
  return instance;
}

std::shared_ptr<spdlog::logger> log_from(const std::string& level) {
  auto result = log().clone("flame");
  result->set_level(spdlog::level::from_str(level));
  return result;
}

} // namespace flame::detail
