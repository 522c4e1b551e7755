#include "flame/config.hpp"

#include <algorithm>
#include <utility>

#include <unistd.h>

#include "config_check.hpp"
#include "config_settings.hpp"

namespace flame {

namespace {

using detail::configuration_state;

detail::variables process_environment() {
  detail::variables result;
  for (auto entry = environ; entry && *entry; ++entry) {
    std::string_view text{*entry};
    auto separator = text.find('=');
    if (separator != std::string_view::npos)
      result.emplace(text.substr(0, separator), text.substr(separator + 1));
  }
  return result;
}

// Empty counts as not set, as it does for most programs.
std::optional<std::string> variable(const detail::variables& environment,
                                    const std::string& name) {
  auto found = environment.find(name);
  if (found == environment.end() || found->second.empty())
    return std::nullopt;
  return found->second;
}

void read_default_backend(const detail::variables& environment,
                          configuration_state& state, detail::mistakes& wrong) {
  state.default_backend = variable(environment, "FLAME_BACKEND");
  if (!state.default_backend)
    return;
  auto mistake = detail::mistake_in(*detail::find_pool_option("backend"),
                                    *state.default_backend);
  if (mistake)
    wrong.add("FLAME_BACKEND", *mistake);
}

} // namespace

configuration::configuration()
  : state_(std::make_shared<configuration_state>()) {
  // nop
}

configuration::configuration(std::shared_ptr<const configuration_state> state)
  : state_(std::move(state)) {
  // nop
}

detail::loose_configuration detail::configuration_access::load(
  const configuration_source& source) {
  auto environment =
    source.environment ? *source.environment : process_environment();
  auto state = std::make_shared<configuration_state>();
  loose_configuration result;
  auto& wrong = result.wrong;
  detail::name_claims claims;
  auto named =
    source.file ? source.file : variable(environment, "FLAME_CONFIG");
  if (named) {
    result.file = *named;
    detail::read_file(*named, source.file ? "--config" : "FLAME_CONFIG",
                      environment, state->file, claims, wrong);
  }
  // Last the environment: which pool a variable means depends on what there is.
  detail::read_flags(source.flags, state->flags, claims, wrong);
  detail::read_environment(environment, detail::names_of_pools(*state),
                           state->environment, wrong);
  read_default_backend(environment, *state, wrong);
  detail::check_sources(*state, wrong);
  state->node = detail::merge_node(*state).options;
  result.settings = configuration{std::move(state)};
  return result;
}

configuration configuration::load(const configuration_source& source) {
  auto result = detail::configuration_access::load(source);
  result.wrong.raise();
  return std::move(result.settings);
}

const node_settings& configuration::node() const noexcept {
  return state_->node;
}

pool_options configuration::pool(const std::string& name,
                                 const pool_options& defaults) const {
  detail::mistakes wrong;
  detail::check_pool_name(name, wrong);
  auto result = detail::merge_pool(*state_, name, defaults);
  detail::check_pool(name, result, wrong);
  wrong.raise();
  return std::move(result.options);
}

std::vector<std::string> configuration::pool_names() const {
  return detail::names_of_pools(*state_);
}

std::vector<std::string> configuration::supervisor_names() const {
  std::vector<std::string> result;
  for (auto& entry : state_->file.supervisors)
    result.push_back(entry.first);
  return result;
}

bool configuration::has_pool(const std::string& name) const {
  return state_->file.pools.contains(name) || state_->flags.pools.contains(name)
         || state_->environment.pools.contains(detail::environment_name(name));
}

origin configuration::origin_of(const std::string& pool, const std::string& key,
                                const pool_options& defaults) const {
  auto merged = detail::merge_pool(*state_, pool, defaults);
  auto found = merged.places.find(key);
  return found != merged.places.end() ? found->second.from : origin::standard;
}

void validate(const std::string& pool_name, const pool_options& options) {
  detail::mistakes wrong;
  detail::check_pool_name(pool_name, wrong);
  detail::check_pool(pool_name, detail::merge_pool({}, pool_name, options),
                     wrong);
  wrong.raise();
}

} // namespace flame
