#include "flame/backend.hpp"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config_text.hpp"
#include "flame/error.hpp"

namespace flame {

namespace {

std::string how_it_ended(const exit_info& info) {
  switch (info.how) {
    case exit_info::kind::exited:
      return fmt::format("ended with exit status {}", info.status);
    case exit_info::kind::signaled:
      return fmt::format("killed by signal {} ({})", info.status,
                         ::strsignal(info.status));
    case exit_info::kind::unknown:
      break;
  }
  return "ended";
}

} // namespace

std::string to_string(const exit_info& info) {
  auto result = how_it_ended(info);
  if (!info.detail.empty())
    result += ": " + info.detail;
  if (!info.last_lines.empty())
    result +=
      "; it wrote:\n  " + fmt::format("{}", fmt::join(info.last_lines, "\n  "));
  return result;
}

instance::~instance() = default;

backend::~backend() = default;

bool backend::is_in_process() const noexcept {
  return false;
}

std::vector<setting_mistake> backend::check(
  const std::map<std::string, std::string>&) const {
  return {};
}

std::vector<setting_mistake> unknown_settings(
  const std::map<std::string, std::string>& settings,
  const std::vector<std::string_view>& known) {
  std::vector<setting_mistake> result;
  for (auto& [key, value] : settings)
    if (std::find(known.begin(), known.end(), key) == known.end())
      result.push_back(
        {key,
         "is not a setting of this backend: "
           + (known.empty() ? "it has none" : detail::suggestion(key, known))});
  return result;
}

backend_registry::backend_registry() {
  detail::add_standard_backends(*this);
}

void backend_registry::add(std::string name, factory make) {
  factories_.insert_or_assign(std::move(name), std::move(make));
}

bool backend_registry::has(const std::string& name) const {
  return factories_.contains(name);
}

std::vector<std::string> backend_registry::names() const {
  std::vector<std::string> result;
  for (auto& [name, make] : factories_)
    result.push_back(name);
  return result;
}

std::shared_ptr<backend> backend_registry::make(const std::string& name) const {
  if (auto i = factories_.find(name); i != factories_.end())
    return i->second();
  auto known = names();
  throw call_error{
    errc::invalid_configuration,
    fmt::format("there is no backend {}: {}", detail::in_quotes(name),
                detail::suggestion(name, {known.begin(), known.end()}))};
}

} // namespace flame
