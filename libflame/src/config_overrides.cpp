#include "config_settings.hpp"

#include <algorithm>
#include <utility>

namespace flame::detail {

namespace {

constexpr std::string_view pools_variable = "FLAME_POOLS_";

constexpr std::string_view node_variable = "FLAME_NODE_";

// A variable's rest, taken apart into pool and key at one of its `_`.
struct split {
  std::string_view pool;
  std::string_view key;
};

std::vector<split> splits_of(std::string_view rest) {
  std::vector<split> result;
  for (auto at = rest.find('_'); at != std::string_view::npos;
       at = rest.find('_', at + 1))
    if (at > 0 && at + 1 < rest.size())
      result.push_back({rest.substr(0, at), rest.substr(at + 1)});
  return result;
}

// The key of the schema that stands in variables as `word`.
std::optional<std::string_view> key_named(
  std::string_view word, const std::vector<std::string_view>& keys) {
  for (auto key : keys)
    if (environment_name(key) == word)
      return key;
  return std::nullopt;
}

class environment_reader {
public:
  environment_reader(const std::vector<std::string>& known, layer& into,
                     mistakes& wrong)
    : into_(into),
      wrong_(wrong) {
    for (auto& name : known)
      known_.push_back(environment_name(name));
  }

  void read(const std::string& name, const std::string& value) {
    std::string_view rest{name};
    if (rest.starts_with(pools_variable))
      read_pool(name, rest.substr(pools_variable.size()), value);
    else if (rest.starts_with(node_variable))
      read_node(name, rest.substr(node_variable.size()), value);
  }

private:
  static place place_of(const std::string& name) {
    return {origin::environment, one_line(name),
            "environment " + one_line(name)};
  }

  bool is_known(std::string_view pool) const {
    return std::find(known_.begin(), known_.end(), pool) != known_.end();
  }

  // `A_SHUTDOWN_TIMEOUT` may be a `timeout` of pool `a_shutdown`: it is, where
  // there is such a pool and none by the name of `a`.
  std::optional<split> find(std::string_view rest) const {
    std::optional<split> longest;
    for (auto& candidate : splits_of(rest)) {
      auto key = key_named(candidate.key, pool_keys());
      if (!key)
        continue;
      if (is_known(candidate.pool))
        return split{candidate.pool, *key};
      if (!longest)
        longest = split{candidate.pool, *key};
    }
    return longest;
  }

  void read_pool(const std::string& name, std::string_view rest,
                 const std::string& value) {
    auto at = place_of(name);
    auto found = find(rest);
    if (!found) {
      wrong_.add(at.where, "is not an option of a pool: " + hint(rest));
      return;
    }
    if (!is_name(found->pool) || environment_name(found->pool) != found->pool) {
      wrong_.add(at.where, in_quotes(found->pool)
                             + " is not a name of a pool: "
                               "upper case letters, then also digits and _, at "
                               "most 63");
      return;
    }
    read_pool_setting(into_.pools[std::string{found->pool}], found->key, value,
                      at, wrong_);
  }

  void read_node(const std::string& name, std::string_view rest,
                 const std::string& value) {
    auto at = place_of(name);
    auto keys = node_keys();
    if (auto key = key_named(rest, keys))
      read_node_setting(into_.node, *key, value, at, wrong_);
    else if (auto close = nearest(rest, keys))
      wrong_.add(at.where, "is not an option of the node: did you mean "
                             + in_quotes(std::string{node_variable}
                                         + environment_name(*close))
                             + "?");
    else
      wrong_.add(at.where,
                 "is not an option of the node: known are " + joined(keys));
  }

  // The variable that was likely meant, under a pool that is there if possible.
  std::string hint(std::string_view rest) const {
    std::optional<std::pair<bool, std::size_t>> best;
    std::string meant;
    for (auto& candidate : splits_of(rest)) {
      auto key = nearest(candidate.key, pool_keys());
      if (!key)
        continue;
      std::pair rank{!is_known(candidate.pool),
                     nearness(candidate.key, *key).value_or(0)};
      if (best && *best <= rank)
        continue;
      best = rank;
      meant = std::string{pools_variable}.append(candidate.pool) + '_'
              + environment_name(*key);
    }
    if (best)
      return "did you mean " + in_quotes(meant) + "?";
    return "it must be FLAME_POOLS_<NAME>_<KEY>, with a key of "
           + joined(pool_keys());
  }

  layer& into_;
  mistakes& wrong_;
  std::vector<std::string> known_;
};

class flag_reader {
public:
  flag_reader(layer& into, name_claims& claims, mistakes& wrong)
    : into_(into),
      claims_(claims),
      wrong_(wrong) {
    // nop
  }

  void read(const std::string& key, const std::string& value) {
    place at{origin::flag, "--" + one_line(key), "flag --" + one_line(key)};
    std::string_view rest{key};
    if (rest.starts_with("node."))
      read_node_setting(into_.node, rest.substr(5), value, at, wrong_);
    else if (rest.starts_with("pools."))
      read_pool(rest.substr(6), value, at);
    else
      wrong_.add(at.where, "must be --node.KEY or --pools.NAME.KEY");
  }

private:
  void read_pool(std::string_view rest, const std::string& value,
                 const place& at) {
    auto dot = rest.find('.');
    if (dot == std::string_view::npos) {
      wrong_.add(at.where, "must be --pools.NAME.KEY");
      return;
    }
    auto name = rest.substr(0, dot);
    if (!is_name(name)) {
      wrong_.add(at.where, in_quotes(name) + " is not a name of a pool: "
                             + std::string{pool_name_rule});
      return;
    }
    claim_name(claims_, name, at, wrong_);
    read_pool_setting(into_.pools[std::string{name}], rest.substr(dot + 1),
                      value, at, wrong_);
  }

  layer& into_;
  name_claims& claims_;
  mistakes& wrong_;
};

} // namespace

void read_environment(const variables& environment,
                      const std::vector<std::string>& known, layer& into,
                      mistakes& wrong) {
  environment_reader reader{known, into, wrong};
  for (auto& [name, value] : environment)
    reader.read(name, value);
}

void read_flags(const std::vector<std::pair<std::string, std::string>>& flags,
                layer& into, name_claims& claims, mistakes& wrong) {
  flag_reader reader{into, claims, wrong};
  for (auto& [key, value] : flags)
    reader.read(key, value);
}

} // namespace flame::detail
