#include "node_watch.hpp"

#include <unistd.h>

#include "units.hpp"

namespace flame::dash {

using json = nlohmann::json;

namespace {

/// Of the format, for whoever reads it.
constexpr int schema = 1;

/// Looks that are remembered.
constexpr std::size_t memory = 600;

std::int64_t wall_clock() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
           std::chrono::system_clock::now().time_since_epoch())
    .count();
}

json to_json(const tree_entry& entry) {
  auto facts = json::array();
  for (auto& [name, value] : entry.facts)
    facts.push_back({name, value});
  auto children = json::array();
  for (auto& each : entry.children)
    children.push_back(to_json(each));
  return {{"kind", to_string(entry.kind)},  {"name", entry.name},
          {"state", entry.state},           {"restarts", entry.restarts},
          {"age_s", seconds(entry.age)},    {"facts", std::move(facts)},
          {"children", std::move(children)}};
}

} // namespace

node_watch::node_watch(node& of, duration every) : node_(of), every_(every) {
  // What has been so far is where the plots begin.
  for (auto& each : node_.pools())
    pools_.emplace(each.name(), pool_watch{each, memory, false});
}

void node_watch::look() {
  auto pools = node_.pools();
  auto now = std::chrono::steady_clock::now();
  std::lock_guard guard{mutex_};
  ++looks_;
  at_ = wall_clock();
  for (auto& each : pools)
    pools_.try_emplace(each.name(), each, memory, true)
      .first->second.look(looks_, at_, now);
}

void node_watch::look_at_tree() {
  auto tree = to_json(node_.tree());
  std::lock_guard guard{mutex_};
  tree_ = std::move(tree);
}

json node_watch::state(std::uint64_t& number) const {
  std::lock_guard guard{mutex_};
  auto pools = json::array();
  for (auto& [name, each] : pools_) {
    pools.push_back(each.state());
    pools.back()["rows"] = each.rows_since(number);
  }
  json result{
    {"schema", schema},
    {"at_ms", at_},
    {"every_ms",
     std::chrono::duration_cast<std::chrono::milliseconds>(every_).count()},
    {"since", number},
    {"look", looks_},
    {"memory", memory},
    {"node", {{"name", node_.config().node().name}, {"pid", ::getpid()}}},
    {"columns", pool_watch::columns()},
    {"pools", std::move(pools)},
    {"tree", tree_}};
  number = looks_;
  return result;
}

std::string node_watch::news(std::uint64_t& number) const {
  {
    std::lock_guard guard{mutex_};
    if (number == looks_)
      return {};
  }
  // Names may be anything, and JSON is UTF-8.
  return "data: "
         + state(number).dump(-1, ' ', false, json::error_handler_t::replace)
         + "\n\n";
}

} // namespace flame::dash
