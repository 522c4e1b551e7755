#include "flame/config.hpp"

#include <utility>

#include "config_printer.hpp"
#include "config_settings.hpp"

namespace flame {

namespace {

using detail::place;
using detail::printer;

struct chosen_backend {
  std::string name;
  place at;
};

chosen_backend backend_of(const detail::merged<pool_options>& pool,
                          const std::optional<std::string>& standard) {
  if (!pool.options.backend.name.empty())
    return {pool.options.backend.name, pool.places.find("backend")->second};
  if (standard)
    return {*standard, {origin::environment, {}, "environment FLAME_BACKEND"}};
  return {"local", {origin::standard, {}, "default"}};
}

void print_backend(printer& out, const detail::merged<pool_options>& pool,
                   const std::optional<std::string>& standard) {
  auto [name, at] = backend_of(pool, standard);
  auto& settings = pool.options.backend.settings;
  if (settings.empty()) {
    out.line(2, "backend", name, at);
    return;
  }
  out.open(2, "backend");
  out.line(3, "name", name, at);
  for (auto& [key, value] : settings) {
    auto& from =
      pool.places.find(std::string{detail::backend_prefix} + key)->second;
    // The path says enough, and is read again as the same value.
    if (!from.value_file.empty())
      out.line(3, key + std::string{detail::file_suffix}, from.value_file,
               from);
    else if (detail::is_secret(key))
      out.hidden(3, key, from);
    else
      out.line(3, key, value, from);
  }
}

void print_pool(printer& out, std::string_view name,
                const detail::merged<pool_options>& pool,
                const std::optional<std::string>& standard_backend) {
  out.open(1, name);
  std::string_view opened;
  for (auto& row : detail::pool_schema()) {
    auto [group, key] = detail::group_and_key(row.key);
    if (group != std::exchange(opened, group) && !group.empty())
      out.open(2, group);
    auto value = detail::format_value(row, detail::get(row, pool.options));
    auto& at = pool.places.find(row.key)->second;
    auto depth = group.empty() ? 2 : 3;
    if (row.kind == detail::option_kind::backend_name)
      print_backend(out, pool, standard_backend);
    else if (row.kind == detail::option_kind::codes)
      out.yaml(depth, key, value, at);
    else
      out.line(depth, key, value, at);
  }
}

void print_node(printer& out, const detail::merged<node_settings>& node) {
  out.open(0, "node");
  for (auto& row : detail::node_schema())
    out.line(1, row.key,
             detail::format_value(row, detail::get(row, node.options)),
             node.places.find(row.key)->second);
}

} // namespace

std::string configuration::print() const {
  return print({});
}

std::string configuration::print(
  const std::map<std::string, pool_options>& code_pools) const {
  auto names = detail::names_with(*state_, code_pools);
  printer out;
  print_node(out, detail::merge_node(*state_));
  out.add(names.empty() ? "pools: {}\n" : "pools:\n");
  for (auto& name : names) {
    auto given = code_pools.find(name);
    auto pool = detail::merge_pool(*state_, name,
                                   given != code_pools.end() ? given->second
                                                             : pool_options{});
    print_pool(out, name, pool, state_->default_backend);
  }
  detail::print_supervisors(out, state_->file.supervisors);
  return out.take();
}

} // namespace flame
