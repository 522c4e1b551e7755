/// Children by name, for trees of supervisors that are written in a
/// configuration file.
///
///     caf::behavior store(caf::event_based_actor* self, std::string directory,
///                         std::size_t shards);
///
///     options.children.add("store", store);
///
///     supervisors:
///       media:
///         children:
///           - id: store
///             args: [/var/lib/app, 4]
///
/// `node::supervisor` starts such a tree. docs/supervision.md has all keys.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "flame/detail/child_recipe.hpp"
#include "flame/detail/export.hpp"
#include "flame/supervisor.hpp"

namespace flame {

/// Children by name. Not thread-safe: filled before the node starts.
///
/// A file gives arguments for parameters of these types: `bool`, integers of any
/// size, `float`, `double`, `std::string`, `std::chrono::duration` of
/// nanoseconds or coarser; and `std::optional`, `std::vector`, `std::map` and
/// `std::unordered_map` of them. Optional ones at the end may be left out. For a
/// child of a dynamic supervisor, arguments may be left out at the end, too:
/// they are those of `supervisor::start_one`, and of any type.
class FLAME_EXPORT child_registry {
public:
  /// Adds a function-based actor, `behavior f(Self* self, args...)`, or a start
  /// function, see `start_function`, or replaces the child of that name. A
  /// function-based actor can be placed on a pool if `flame::place_child`
  /// takes it.
  template <class F>
  void add(std::string name, F&& f) {
    using callable = std::decay_t<F>;
    if constexpr (!detail::start_routine<callable>)
      detail::check_actor_function<callable>();
    put(std::move(name), std::make_shared<detail::function_recipe<callable>>(
                           std::forward<F>(f)));
  }

  /// The same for actors of class `A`, which are constructed with arguments of
  /// these types.
  template <class A, class... Args>
    requires detail::placeable<A>
  void add(std::string name) {
    static_assert((detail::parameter<detail::wire_t<Args>>::is_readable && ...),
                  "flame: a file cannot give an argument of this type");
    static_assert(
      std::is_constructible_v<A, caf::actor_config&, detail::wire_t<Args>...>,
      "flame: the actor is not constructed from these arguments: after the "
      "`caf::actor_config&` they arrive as values");
    put(std::move(name),
        std::make_shared<detail::class_recipe<A, detail::wire_t<Args>...>>());
  }

  bool has(const std::string& name) const;

  std::vector<std::string> names() const;

  /// @private null if there is none of this name
  const detail::child_recipe* find(const std::string& name) const;

private:
  void put(std::string name, std::shared_ptr<const detail::child_recipe> child);

  std::map<std::string, std::shared_ptr<const detail::child_recipe>> children_;
};

} // namespace flame
