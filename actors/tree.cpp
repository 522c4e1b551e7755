#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

#include <unistd.h>

#include "node_impl.hpp"
#include "pool_core.hpp"
#include "supervisor_registry.hpp"
#include "threads.hpp"

namespace flame {

namespace {

using steady = std::chrono::steady_clock;

constexpr auto patience = std::chrono::seconds{1};

/// A supervisor that was asked, and what it has answered.
struct asked {
  detail::supervisor_registry::entry about;
  /// Nothing if it has not.
  std::optional<std::vector<child_info>> children = std::nullopt;
  bool has_ended = false;
};

/// All supervisors of a system, each asked before the first answer is waited
/// for.
std::vector<asked> ask_all(caf::actor_system& system) {
  caf::scoped_actor self{system};
  auto ask = [&](const caf::actor_addr& whom) {
    return self->request(caf::actor_cast<caf::actor>(whom), patience,
                         which_children{});
  };
  std::vector<asked> result;
  std::vector<decltype(ask(caf::actor_addr{}))> answers;
  for (auto& each : detail::supervisor_registry::instance().of(system)) {
    answers.push_back(ask(each.supervisor));
    result.push_back({std::move(each)});
  }
  for (std::size_t i = 0; i < answers.size(); ++i)
    answers[i].receive(
      [&](std::vector<child_info>& children) {
        result[i].children = std::move(children);
      },
      [&](const caf::error& why) {
        result[i].has_ended = why == caf::sec::request_receiver_down;
      });
  std::erase_if(result, [](const asked& each) {
    return each.has_ended;
  });
  return result;
}

/// Draws the tree of a node from what its parts have said.
class picture {
public:
  explicit picture(std::vector<asked> supervisors)
    : supervisors_(std::move(supervisors)) {
    for (auto& each : supervisors_)
      for (auto& child : each.children.value_or(std::vector<child_info>{}))
        if (child.handle)
          owners_.emplace(child.handle.address(),
                          each.about.name + '/' + child.id);
  }

  /// What the supervisor of the node knows of its children.
  std::vector<child_info> children_of(const caf::actor_addr& supervisor) const {
    for (auto& each : supervisors_)
      if (each.about.supervisor == supervisor)
        return each.children.value_or(std::vector<child_info>{});
    return {};
  }

  /// The supervisors that are nobody's children, but `other`.
  void draw_supervisors(tree_entry& under, const caf::actor_addr& other) const {
    for (auto& each : supervisors_)
      if (each.about.supervisor != other
          && !owners_.contains(each.about.supervisor)) {
        tree_entry entry{.kind = tree_kind::supervisor,
                         .name = each.about.name,
                         .state = "running"};
        draw_children(entry, each);
        under.children.push_back(std::move(entry));
      }
  }

  /// `supervisor/child`, if the actor is one; else empty.
  std::string owner_of(const caf::actor_addr& child) const {
    auto i = owners_.find(child);
    return i == owners_.end() ? std::string{} : i->second;
  }

private:
  void draw_children(tree_entry& under, const asked& supervisor) const {
    under.facts.emplace_back("strategy", supervisor.about.strategy);
    if (!supervisor.children) {
      under.state = "silent";
      return;
    }
    for (auto& child : *supervisor.children) {
      tree_entry entry{.kind = child.type == child_type::supervisor
                                 ? tree_kind::supervisor
                                 : tree_kind::child,
                       .name = child.id,
                       .state = to_string(child.status),
                       .restarts = child.restarts,
                       .age = child.age};
      if (!child.runner.empty())
        entry.facts.emplace_back("runner", child.runner);
      auto nested = std::ranges::find_if(supervisors_, [&](const asked& each) {
        return child.handle && each.about.supervisor == child.handle.address();
      });
      if (nested != supervisors_.end())
        draw_children(entry, *nested);
      under.children.push_back(std::move(entry));
    }
  }

  std::vector<asked> supervisors_;
  /// Children of supervisors, with the name of both.
  std::unordered_map<caf::actor_addr, std::string> owners_;
};

std::string number(std::size_t value) {
  return std::to_string(value);
}

std::string of(std::size_t part, std::size_t all) {
  return fmt::format("{}/{}", part, all);
}

void draw_runners(tree_entry& under, const detail::pool_core& core,
                  const std::vector<detail::placed_view>& placed,
                  const picture& supervised) {
  auto now = steady::now();
  for (auto& view : core.look()) {
    tree_entry runner{.kind = tree_kind::runner,
                      .name = view.name,
                      .state = std::string{to_string(view.state)},
                      .age = now - view.begun};
    if (view.pid != 0)
      runner.facts.emplace_back("pid", std::to_string(view.pid));
    if (view.slots)
      runner.facts.emplace_back(
        "slots", of(core.table.in_use(*view.slots), view.slots->capacity));
    for (auto& each : placed) {
      if (!view.slots || each.runner != view.slots)
        continue;
      auto name = supervised.owner_of(each.child);
      if (name.empty())
        name = caf::to_string(each.child);
      runner.children.push_back({.kind = tree_kind::child,
                                 .name = std::move(name),
                                 .age = now - each.since});
    }
    under.children.push_back(std::move(runner));
  }
}

tree_entry draw_pool(const pool& which,
                     const std::vector<detail::placed_view>& placed,
                     const picture& supervised) {
  auto stats = which.stats();
  tree_entry result{.kind = tree_kind::pool, .name = which.name()};
  auto slots = stats.runners * which.options().max_concurrency;
  result.facts = {{"runners", number(stats.runners)},
                  {"booting", number(stats.booting)},
                  {"slots", of(stats.in_use, slots)},
                  {"queued", number(stats.queued)},
                  {"lost", number(stats.lost)}};
  draw_runners(result, *which.core(), placed, supervised);
  return result;
}

} // namespace

tree_entry node::impl::tree() {
  if (detail::on_scheduler_thread(scheduler_threads))
    throw call_error{errc::on_scheduler_thread,
                     "node::tree waits for supervisors, and was called inside "
                     "an actor"};
  tree_entry result{.kind = tree_kind::node,
                    .name = options.config.node().name,
                    .age = steady::now() - begun,
                    .facts = {{"pid", std::to_string(::getpid())}}};
  if (auto* self = parent())
    result.facts.emplace_back("runner", self->runner);
  std::map<std::string, flame::pool> started;
  flame::supervisor above;
  {
    std::lock_guard guard{mutex};
    started = pools;
    above = top;
  }
  picture supervised{ask_all(system)};
  caf::actor_addr own_address;
  std::map<std::string, child_info> known;
  if (above) {
    own_address = above.handle().address();
    for (auto& each : supervised.children_of(own_address))
      known.emplace(each.id, each);
  }
  auto add = [&](tree_entry entry, const std::string& id) {
    if (auto i = known.find(id); i != known.end()) {
      entry.state = to_string(i->second.status);
      entry.restarts = i->second.restarts;
      entry.age = i->second.age;
    }
    result.children.push_back(std::move(entry));
  };
  if (above)
    add({.kind = tree_kind::gateway}, "gateway");
  auto children = placed->look();
  for (auto& [name, each] : started)
    add(draw_pool(each, children, supervised), pool_id(name));
  supervised.draw_supervisors(result, own_address);
  return result;
}

} // namespace flame
