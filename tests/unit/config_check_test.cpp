#include "config_check.hpp"

#include <doctest/doctest.h>

#include "flame/error.hpp"

namespace {

using settings = std::map<std::string, std::string>;

/// Has a setting that must be a number, and boots nothing.
class numbering_backend final : public flame::backend {
public:
  std::vector<flame::setting_mistake> check(
    const settings& given) const override {
    auto wrong = flame::unknown_settings(given, {"machines", "region"});
    auto machines = given.find("machines");
    if (machines != given.end() && machines->second.empty())
      wrong.push_back({"machines", "has no value"});
    return wrong;
  }

  void boot(flame::boot_request,
            std::function<void(boot_result)> done) override {
    done(flame::make_error(flame::errc::backend_failed, "it boots nothing"));
  }
};

flame::backend_registry backends() {
  flame::backend_registry result;
  result.add("numbering", [] {
    return std::make_shared<numbering_backend>();
  });
  return result;
}

std::string mistakes(
  const std::map<std::string, flame::pool_options>& pools,
  const std::vector<std::pair<std::string, std::string>>& flags = {},
  settings variables = {}) {
  using access = flame::detail::configuration_access;
  auto [config, wrong, file] =
    access::load({.environment = std::move(variables), .flags = flags});
  access::check_pools(config, pools, backends(), wrong);
  return wrong.text();
}

} // namespace

TEST_SUITE("configuration check") {

  TEST_CASE("an unknown backend is told with the nearest one and its origin") {
    CHECK(mistakes({{"p", {.backend = "proces"}}})
          == "pool `p`: there is no backend `proces`: did you mean `process`?");
    CHECK(mistakes({}, {{"pools.p.backend", "mars"}})
          == "--pools.p.backend: there is no backend `mars`: known are local, "
             "numbering, process");
    CHECK(
      mistakes({{"p", {}}}, {}, {{"FLAME_BACKEND", "locl"}})
      == "FLAME_BACKEND: there is no backend `locl`: did you mean `local`?");
    CHECK(
      mistakes({{"p", {.backend = "local"}}}, {}, {{"FLAME_BACKEND", "locl"}})
        .empty());
  }

  TEST_CASE("an unknown setting of a backend is told with the nearest one") {
    CHECK(mistakes({{"p", {.backend = {"process", {{"executble", "/x"}}}}}})
          == "pool `p`: `executble` is not a setting of this backend: did you "
             "mean `executable`?");
    CHECK(mistakes({{"p", {.backend = {"local", {{"executable", "/x"}}}}}})
          == "pool `p`: `executable` is not a setting of this backend: it has "
             "none");
    CHECK(mistakes({{"p", {.backend = {"process", {{"executable", "/x"}}}}}})
            .empty());
  }

  TEST_CASE("a setting without a backend is the business of the default one") {
    std::vector<std::pair<std::string, std::string>> flags = {
      {"pools.p.backend.executable", "/x"}};
    CHECK(mistakes({}, flags)
          == "--pools.p.backend.executable: `executable` is not a setting of "
             "this backend: it has none");
    CHECK(mistakes({}, flags, {{"FLAME_BACKEND", "process"}}).empty());
  }

  TEST_CASE("a backend tells what else is wrong with its settings") {
    CHECK(mistakes(
            {{"p", {.backend = "numbering"}}},
            {{"pools.p.backend.machines", ""}, {"pools.p.backend.regoin", "b"}})
          == "--pools.p.backend.regoin: `regoin` is not a setting of this "
             "backend: did you mean `region`?\n"
             "--pools.p.backend.machines: `machines` has no value");
  }

  TEST_CASE("mistakes of sources and of pools are told together") {
    CHECK(mistakes({{"p", {.min = 3, .max = 2, .backend = "mars"}}},
                   {{"pools.p.timeout", "30"}})
          == "--pools.p.timeout: `timeout`: `30` has no unit: write e.g. 30s; "
             "units are ns, us, ms, s, min, h, d\n"
             "pool `p`: `min` (3) is more than `max` (2)\n"
             "pool `p`: there is no backend `mars`: known are local, "
             "numbering, process");
  }
}
