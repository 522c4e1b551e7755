#include "tree_config.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "config_check.hpp"
#include "config_supervisors.hpp"
#include "supervisor_core.hpp"

namespace flame::detail {

namespace {

using pool_source = std::function<pool(const std::string&)>;

std::vector<std::string_view> views(const std::vector<std::string>& words) {
  return {words.begin(), words.end()};
}

std::string counted(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

/// Makes options of settings, and tells all that is wrong with them.
class tree_maker {
public:
  /// @param pool_of null: nothing is to be started
  tree_maker(const node_options& options, pool_source pool_of, mistakes& wrong)
    : registry_(options.children),
      pools_(configuration_access::pools(options.config, options.pools)),
      pool_of_(std::move(pool_of)),
      wrong_(wrong) {
    // nop
  }

  supervisor_options make(const supervisor_settings& settings) {
    auto result = settings.options;
    auto is_dynamic = result.strategy == strategy::dynamic;
    for (auto& child : settings.children) {
      auto start = child.nested.empty()
                     ? make_worker(child, is_dynamic)
                     : start_function{make(child.nested.front())};
      result.children.push_back({.id = child.id,
                                 .start = std::move(start),
                                 .restart = child.restart,
                                 .shutdown = child.shutdown,
                                 .significant = child.significant,
                                 .type = child.type});
    }
    check_rules(settings, result);
    return result;
  }

private:
  static const place& where(const child_settings& child,
                            std::initializer_list<std::string_view> keys) {
    return where(child.places, child.at, keys);
  }

  template <class Keys>
  static const place& where(const places_by_key& places, const place& otherwise,
                            const Keys& keys) {
    for (auto key : keys)
      if (auto found = places.find(key); found != places.end())
        return found->second;
    return otherwise;
  }

  /// What is wrong with values that are right by themselves.
  void check_rules(const supervisor_settings& settings,
                   const supervisor_options& options) {
    for (auto& mistake : mistakes_in(options)) {
      if (!mistake.child) {
        wrong_.add(where(settings.places, settings.at, mistake.keys).where,
                   fmt::format("supervisor {}: {}", in_quotes(options.name),
                               mistake.text));
        continue;
      }
      auto& child = settings.children[*mistake.child];
      // These have been told already, with more to say.
      auto is_told = std::all_of(
        mistake.keys.begin(), mistake.keys.end(), [&](std::string_view key) {
          return key == "start" || (key == "id" && child.id.empty());
        });
      if (!is_told)
        wrong_.add(
          where(child.places, child.at, mistake.keys).where,
          fmt::format("child {}: {}", in_quotes(child.id), mistake.text));
    }
  }

  start_function make_worker(const child_settings& child, bool is_dynamic) {
    auto* recipe = find_recipe(child);
    auto has_pool = check_pool(child);
    if (!recipe)
      return {};
    if (!child.pool.empty() && !recipe->is_placeable()) {
      wrong_.add(where(child, {"pool"}).where,
                 in_quotes(child.start)
                   + " cannot be placed on a pool: it is a start function, or "
                     "captures or takes what cannot travel");
      has_pool = false;
    }
    auto args = complete_arguments(child, *recipe, is_dynamic);
    if (!args)
      return {};
    // A pool that is not right is no reason not to read the arguments.
    flame::pool on_pool;
    if (pool_of_ && has_pool)
      on_pool = pool_of_(child.pool);
    argument_mistakes found;
    auto result = recipe->make(*args, has_pool ? &on_pool : nullptr,
                               call_options{.timeout = child.timeout}, found);
    auto parameters = recipe->parameters();
    for (auto& mistake : found.all)
      wrong_.add(mistake.where,
                 fmt::format("argument {} of {} ({}): {}", mistake.argument + 1,
                             in_quotes(child.start),
                             parameters[mistake.argument].type, mistake.text));
    return result;
  }

  const child_recipe* find_recipe(const child_settings& child) {
    auto* found = registry_.find(child.start);
    if (found || child.start.empty())
      return found;
    auto names = registry_.names();
    auto known = views(names);
    std::string hint = ": the program registers none, see "
                       "node_options::children";
    if (!names.empty())
      hint = ": registered are " + joined(known);
    if (auto close = nearest(child.start, known))
      hint = ": did you mean " + in_quotes(*close) + "? Registered are "
             + joined(known);
    wrong_.add(where(child, {"start", "id"}).where,
               "no child is registered as " + in_quotes(child.start) + hint);
    return nullptr;
  }

  /// @returns whether there is a pool to place the child on
  bool check_pool(const child_settings& child) {
    if (child.pool.empty() || pools_.contains(child.pool))
      return !child.pool.empty();
    auto known = std::vector<std::string_view>{pools_.begin(), pools_.end()};
    auto text = "there is no pool " + in_quotes(child.pool) + ": ";
    text += known.empty() ? "add it to `pools`, or to node_options::pools"
                          : suggestion(child.pool, known);
    wrong_.add(where(child, {"pool"}).where, text);
    return false;
  }

  /// The arguments, with those at the end that are optional; nothing if there
  /// are too few or too many.
  std::optional<std::vector<argument>> complete_arguments(
    const child_settings& child, const child_recipe& recipe, bool is_dynamic) {
    auto parameters = recipe.parameters();
    auto args = child.args;
    auto is_open = is_dynamic && recipe.leaves_open();
    for (std::size_t i = 0; i < parameters.size(); ++i)
      if (!parameters[i].is_readable && (i < args.size() || !is_open))
        return refuse(child, fmt::format("argument {} of {} is a {}, which a "
                                         "file cannot give",
                                         i + 1, in_quotes(child.start),
                                         parameters[i].type));
    if (!is_open)
      while (args.size() < parameters.size()
             && parameters[args.size()].is_optional)
        args.push_back({.where = child.at.where});
    if (args.size() > parameters.size()
        || (args.size() < parameters.size() && !is_open))
      return refuse(child, describe_count(child, parameters));
    return args;
  }

  std::nullopt_t refuse(const child_settings& child, std::string_view text) {
    wrong_.add(where(child, {"args", "start", "id"}).where, text);
    return std::nullopt;
  }

  static std::string describe_count(const child_settings& child,
                                    const std::vector<parameter_info>& takes) {
    std::string types;
    for (auto& each : takes)
      types += (types.empty() ? "" : "; ") + each.type;
    return fmt::format("{} takes {}{}, and gets {}", in_quotes(child.start),
                       counted(takes.size(), "argument"),
                       types.empty() ? "" : " (" + types + ")",
                       child.args.size());
  }

  const child_registry& registry_;
  const std::set<std::string> pools_;
  const pool_source pool_of_;
  mistakes& wrong_;
};

} // namespace

std::size_t check_trees(const node_options& options, mistakes& wrong) {
  auto& trees = configuration_access::supervisors(options.config);
  tree_maker maker{options, nullptr, wrong};
  for (auto& entry : trees)
    maker.make(entry.second);
  return trees.size();
}

supervisor_options tree_options(const node_options& options,
                                const std::string& name,
                                const pool_source& pool_of) {
  auto& trees = configuration_access::supervisors(options.config);
  auto found = trees.find(name);
  if (found == trees.end()) {
    auto names = options.config.supervisor_names();
    throw_invalid("the configuration has no supervisor " + in_quotes(name)
                  + ": "
                  + (names.empty() ? "its file has no `supervisors`"
                                   : suggestion(name, views(names))));
  }
  mistakes wrong;
  tree_maker{options, nullptr, wrong}.make(found->second);
  wrong.raise();
  return tree_maker{options, pool_of, wrong}.make(found->second);
}

} // namespace flame::detail
