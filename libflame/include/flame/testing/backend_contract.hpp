/// What every backend must do, as checks that any test framework can run.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "flame/node.hpp"
#include "flame/testing/contract_checks.hpp"
#include "flame/testing/orphan.hpp"
#include "flame/testing/watched_backend.hpp"

namespace flame::testing {

/// The checks for a backend, in a program of their own:
///
/// ```cpp
/// int main(int argc, char** argv) {
///   flame::testing::backend_contract contract{"my_cloud", {.can_cancel = false}};
///   return flame::run(
///     argc, argv,
///     [&](flame::node& node) {
///       auto failures = contract.check(node);
///       for (auto& failure : failures)
///         std::cerr << failure.check << ": " << failure.text << '\n';
///       return failures.empty() ? 0 : 1;
///     },
///     [&](flame::node_options& options) {
///       options.backends.add("my_cloud", make_my_cloud);
///       contract.prepare(options);
///     });
/// }
/// ```
///
/// It boots some dozen instances, and starts the program once more as a parent
/// that is killed. Not thread-safe.
class backend_contract {
public:
  /// @param subject the backend with the settings that it is checked with
  /// @param can what it can do; the defaults are all that `process` can
  explicit backend_contract(backend_options subject, capabilities can = {})
    : subject_(std::move(subject)),
      can_(can),
      ledger_(std::make_shared<boot_ledger>()) {
    // nop
  }

  /// Adds what `check` needs; after the backend itself has been added.
  void prepare(node_options& options) const {
    options.backends.add(
      watched_name(),
      [registry = options.backends, name = subject_.name, ledger = ledger_] {
        return std::make_shared<watched_backend>(registry.make(name), ledger);
      });
  }

  /// Runs all checks that apply, in about ten seconds where boots are quick.
  /// @returns what is wrong; empty if the backend keeps the contract
  /// @throws call_error `invalid_configuration` when a setting is refused
  std::vector<failure> check(node& self) const {
    backend_options watched{watched_name(), subject_.settings};
    contract_checks checks{self, watched, can_, ledger_};
    // The second parent is there for one backend only.
    if (auto name = victim_of()) {
      if (*name != watched.name)
        return {};
      checks.die_with_a_runner();
    }
    return checks.run();
  }

private:
  std::string watched_name() const {
    return "contract-" + subject_.name;
  }

  backend_options subject_;
  capabilities can_;
  std::shared_ptr<boot_ledger> ledger_;
};

} // namespace flame::testing
