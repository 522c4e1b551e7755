#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include <doctest/doctest.h>
#include <flame/flame.hpp>

#include "support/failure_of.hpp"

namespace tests {

using namespace std::chrono_literals;

/// The node of this test program, as a parent.
flame::node& node();

/// A pool of its own for a test.
flame::pool new_pool(const std::string& backend,
                     flame::pool_options options = {});

/// What a test program adds to its node; defined by each.
void configure(flame::node_options& options);

/// What the program does in each worker before its first call; a test program
/// may set it before `main`.
inline std::function<void()> on_start_worker;

/// Waits until `condition` holds, which it must within a generous bound: for
/// what happens in other processes and tells nobody.
template <class F>
bool eventually(F condition, std::chrono::milliseconds bound = 10s) {
  auto deadline = std::chrono::steady_clock::now() + bound;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline)
      return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

/// Runs `body` once for each backend that is built in.
template <class F>
void on_each_backend(F body) {
  for (std::string backend : {"local", "process"}) {
    CAPTURE(backend);
    body(backend);
  }
}

} // namespace tests
