#include "logging.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>

namespace flame::detail {

namespace {

std::string pattern(const std::string& node) {
  return "%H:%M:%S.%e %^%-5l%$ " + node + " %v";
}

} // namespace

spdlog::logger& log() {
  static spdlog::logger instance = [] {
    auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
    sink->set_pattern(pattern("flame"));
    return spdlog::logger{"flame", std::move(sink)};
  }();
  return instance;
}

void name_log(const std::string& node) {
  for (auto& sink : log().sinks())
    sink->set_pattern(pattern(node));
}

std::shared_ptr<spdlog::logger> log_from(const std::string& level) {
  auto result = log().clone("flame");
  result->set_level(spdlog::level::from_str(level));
  return result;
}

} // namespace flame::detail
