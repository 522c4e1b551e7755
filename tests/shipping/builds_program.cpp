// One of two builds of a program, which differ in BUILD_NUMBER. Makes calls on
// runners that are the other one.
//
//   builds_program OTHER_BUILD CALL [same]
//
// With `same`, the pool does not allow different builds.
#include <iostream>
#include <string>

#include <flame/flame.hpp>

namespace builds {

std::string which(std::string_view prefix, long number) {
  return std::string{prefix} + std::to_string(number) + " from build "
         + std::to_string(BUILD_NUMBER);
}

bool stops(std::stop_token token) {
  return token.stop_possible();
}

#if BUILD_NUMBER == 1
int changed(int value) {
  return value;
}

int only_here(int value) {
  return value;
}
#else
int changed(const std::string& value) {
  return static_cast<int>(value.size());
}
#endif

} // namespace builds

FLAME_FUNCTION(builds::which)
FLAME_FUNCTION(builds::stops)
FLAME_FUNCTION(builds::changed)
#if BUILD_NUMBER == 1
FLAME_FUNCTION(builds::only_here)

namespace {

caf::behavior child(caf::event_based_actor*) {
  return {
    [](int value) {
      return value;
    },
  };
}

/// A placement is refused where it is asked for, as calls are.
std::string place(flame::node& node, const flame::pool& pool) {
  caf::scoped_actor self{node.system()};
  std::string result = "nothing happened";
  auto placer = self->spawn([&](caf::event_based_actor* it) {
    try {
      flame::place_child(it, pool, child)
        .then(
          [&](const caf::actor&) {
            result = "placed";
          },
          [&](const flame::call_error& error) {
            result = error.what();
          });
    } catch (const flame::call_error& error) {
      result = error.what();
    }
  });
  self->wait_for(placer);
  return result;
}

std::string answer(flame::node& node, const flame::pool& pool,
                   const std::string& call) {
  if (call == "by_name")
    // As other types than those that the function takes.
    return flame::call(pool, flame::fn<&builds::which>, "call ", 7);
  if (call == "with_stop_token")
    return flame::call(pool, flame::fn<&builds::stops>) ? "can stop" : "cannot";
  if (call == "changed")
    return std::to_string(flame::call(pool, flame::fn<&builds::changed>, 1));
  if (call == "missing")
    return std::to_string(flame::call(pool, flame::fn<&builds::only_here>, 1));
  if (call == "function")
    return flame::call(pool, builds::which, "call ", 7);
  if (call == "lambda")
    return flame::call(pool, [] {
      return std::string{"a lambda ran"};
    });
  return place(node, pool);
}

} // namespace
#endif

int main(int argc, char** argv) {
  return flame::run(argc, argv, []([[maybe_unused]] flame::node& node) {
#if BUILD_NUMBER == 1
    auto args = node.args();
    auto pool =
      node.pool("builds", {.max = 1,
                           .timeout = std::chrono::seconds{10},
                           .backend = {"process", {{"executable", args[0]}}},
                           .allow_different_builds = args.size() < 3});
    std::cout << answer(node, pool, args[1]) << std::endl;
#endif
  });
}
