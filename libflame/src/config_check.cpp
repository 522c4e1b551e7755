#include "config_check.hpp"

#include "config_settings.hpp"
#include "flame/error.hpp"

namespace flame::detail {

namespace {

std::string where(const std::string& pool, const place& at) {
  return at.where.empty() ? "pool " + in_quotes(pool) : at.where;
}

} // namespace

std::shared_ptr<backend> configuration_access::check_backend(
  const configuration& config, const std::string& pool,
  const pool_options& defaults,
  const std::function<std::shared_ptr<backend>()>& make, mistakes& wrong) {
  auto merged = merge_pool(*config.state_, pool, defaults);
  std::shared_ptr<backend> result;
  try {
    result = make();
  } catch (const call_error& error) {
    auto& options = merged.options;
    if (error.code() != errc::invalid_configuration)
      throw;
    wrong.add(options.backend.name.empty()
                ? "FLAME_BACKEND"
                : where(pool, merged.places["backend"]),
              error.what());
    return nullptr;
  }
  for (auto& [key, text] : result->check(merged.options.backend.settings))
    wrong.add(where(pool, merged.places[std::string{backend_prefix} + key]),
              in_quotes(key) + ' ' + text);
  if (merged.options.isolation == isolation::process && result->is_in_process())
    wrong.add(where(pool, merged.places["isolation"]),
              "`isolation` is `process`, and this pool's backend serves calls "
              "in the program's own process: choose one that starts "
              "processes, as `process` does");
  return result;
}

std::size_t configuration_access::check_pools(
  const configuration& config,
  const std::map<std::string, pool_options>& code_pools,
  const backend_registry& backends, mistakes& wrong) {
  auto& state = *config.state_;
  auto standard = state.default_backend.value_or("local");
  auto names = names_with(state, code_pools);
  for (auto& name : names) {
    auto given = code_pools.find(name);
    auto defaults = given != code_pools.end() ? given->second : pool_options{};
    auto merged = merge_pool(state, name, defaults);
    check_pool_name(name, wrong);
    check_pool(name, merged, wrong);
    auto& chosen = merged.options.backend.name;
    if (chosen.empty())
      chosen = standard;
    check_backend(
      config, name, defaults,
      [&] {
        return backends.make(chosen);
      },
      wrong);
  }
  return names.size();
}

std::set<std::string> configuration_access::pools(
  const configuration& config,
  const std::map<std::string, pool_options>& code_pools) {
  return names_with(*config.state_, code_pools);
}

const supervisor_trees& configuration_access::supervisors(
  const configuration& config) {
  return config.state_->file.supervisors;
}

} // namespace flame::detail
