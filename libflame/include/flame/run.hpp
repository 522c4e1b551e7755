/// The program's `main`, for parent and runners alike.
#pragma once

#include <concepts>
#include <functional>
#include <type_traits>

#include "flame/detail/export.hpp"
#include "flame/node.hpp"

namespace flame::detail {

struct program {
  std::function<void(node_options&)> configure;
  std::function<void(node&)> start;
  std::function<void()> start_worker;
  std::function<int(node&)> main;
};

FLAME_EXPORT int run_program(int argc, char** argv, const program& what);

template <class F>
int run_main(F&& main, node& self) {
  if constexpr (std::is_void_v<std::invoke_result_t<F&, node&>>) {
    main(self);
    return 0;
  } else {
    return main(self);
  }
}

} // namespace flame::detail

namespace flame {

/// Runs `App`, a class with these members, of which only `main` must be there:
///
/// - `static void configure(node_options&)`: before anything starts, on every
///   node; declares pools, backends and message types. If it throws, the node
///   does not start;
/// - `void start(node&)`: on every node before it does any work; opens what
///   calls will need. If it throws on a runner, the boot has failed with that
///   cause;
/// - `void start_worker()`: once in each process that calls are isolated in, see
///   `isolation::process`, before its first call. Such a process has been forked
///   from the runner before `start`, and has no node and no actors. If it throws,
///   the call has failed;
/// - `int main(node&)` or `void main(node&)`: on the parent only. When it
///   returns, pools shut down and the process ends.
///
///     int main(int argc, char** argv) {
///       return flame::run<my_app>(argc, argv);
///     }
///
/// A process that a backend has started becomes a runner here, and never
/// returns. Flags that are flame's (see `command_line_help`) are taken out of
/// `node::args`. `--print-config` prints the configuration and ends;
/// `--check-config` checks all sources and the program's pools, backends and
/// their settings included, starts nothing, and ends with status 0 or 2.
/// `--flame-replay FILE`, where it comes first, runs one call that
/// `FLAME_SAVE_FAILED` has kept, and ends: see docs/debugging.md.
///
/// SIGTERM to the parent shuts all pools down, see `node::shutdown`: what runs
/// gets `shutdown_timeout`, and who waits gets `pool_closed`. Then the process
/// ends with status 143, whether `main` has returned or not; its destructors do
/// not run if it has not. A second SIGTERM ends it at once. A program that
/// handles or ignores SIGTERM itself is left to do so.
///
/// SIGUSR1 to a parent or a runner prints what it consists of on standard error,
/// see `node::tree`; of a runner, the parent logs it. A program that handles or
/// ignores SIGUSR1 itself is left to do so.
///
/// @returns the exit status: that of `main`; 1 if a member throws; 2 if the
///          configuration is not valid. Both are reported on standard error
template <class App>
int run(int argc, char** argv) {
  App app;
  detail::program what;
  if constexpr (requires(node_options & options) { App::configure(options); })
    what.configure = [](node_options& options) {
      App::configure(options);
    };
  if constexpr (requires(node & self) { app.start(self); })
    what.start = [&app](node& self) {
      app.start(self);
    };
  if constexpr (requires { app.start_worker(); })
    what.start_worker = [&app] {
      app.start_worker();
    };
  what.main = [&app](node& self) {
    return detail::run_main(
      [&app](node& it) {
        return app.main(it);
      },
      self);
  };
  return detail::run_program(argc, argv, what);
}

/// Runs `main` on the parent; runners only serve.
///
///     int main(int argc, char** argv) {
///       return flame::run(argc, argv, [](flame::node& node) {
///         auto pool = node.pool("math");
///         std::cout << flame::call(pool, [](int x) { return x * x; }, 7);
///       });
///     }
///
/// @param setup what `configure` is to the other form
template <std::invocable<node&> Main>
int run(int argc, char** argv, Main main,
        std::function<void(node_options&)> setup = {}) {
  detail::program what;
  what.configure = std::move(setup);
  what.main = [&main](node& self) {
    return detail::run_main(main, self);
  };
  return detail::run_program(argc, argv, what);
}

/// Whether a backend has started this process as a runner. For programs that
/// do not use `run`: such a process must call `serve`, and nothing else.
FLAME_EXPORT bool is_runner_process() noexcept;

/// Serves as a runner until the end, which is the end of the process. For the
/// beginning of `main` in a program that has an actor system of its own: a
/// runner needs none of what the parent sets up, and gets an actor system with
/// `node_options::configure_system`.
///
/// @param options as those of the parent's node
/// @param start what `App::start` is to `run`
/// @param start_worker what `App::start_worker` is to `run`
[[noreturn]] FLAME_EXPORT void serve(node_options options,
                                     std::function<void(node&)> start = {},
                                     std::function<void()> start_worker = {});

} // namespace flame
