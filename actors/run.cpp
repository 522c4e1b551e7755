#include "flame/run.hpp"

#include <iostream>
#include <optional>
#include <string_view>

#include "config_check.hpp"
#include "exit_status.hpp"
#include "flame/error.hpp"
#include "node_impl.hpp"
#include "replay.hpp"
#include "runner_main.hpp"
#include "termination.hpp"
#include "tree_config.hpp"
#include "tree_printer.hpp"

namespace flame::detail {

namespace {

/// What is wrong, for people.
/// @returns the exit status
int report(const std::exception& error) {
  std::cerr << "error: " << error.what() << std::endl;
  auto* ours = dynamic_cast<const call_error*>(&error);
  return ours && ours->code() == errc::invalid_configuration ? status_unusable
                                                             : status_failed;
}

/// Calls `configure` with what is right in the sources, so that all mistakes
/// are told at once, whoever made them.
/// @returns the exit status
int check_configuration(const command_line& line, const program& what) {
  auto [settings, wrong, file] = configuration_access::load(line.source());
  node_options options;
  options.config = std::move(settings);
  std::size_t count = 0;
  std::size_t trees = 0;
  try {
    if (what.configure)
      what.configure(options);
    count = configuration_access::check_pools(options.config, options.pools,
                                              options.backends, wrong);
    trees = check_trees(options, wrong);
  } catch (const std::exception& error) {
    wrong.add("program", error.what());
  }
  if (!wrong.empty()) {
    std::cerr << wrong.text() << std::endl;
    return status_unusable;
  }
  std::cout << (file.empty() ? "no file" : one_line(file)) << ": ok, " << count
            << (count == 1 ? " pool" : " pools");
  if (trees > 0)
    std::cout << ", " << trees << (trees == 1 ? " supervisor" : " supervisors");
  std::cout << std::endl;
  return EXIT_SUCCESS;
}

int run_parent(node_options options, std::vector<std::string> args,
               const program& what) {
  node self{
    std::make_unique<node::impl>(std::move(options), std::move(args), false)};
  tree_printer on_sigusr1{[&] {
    return to_string(self.tree());
  }};
  termination on_sigterm{[&] {
    self.shutdown();
  }};
  try {
    if (what.start)
      what.start(self);
    auto status = what.main(self);
    return on_sigterm.is_asked_for() ? termination::status : status;
  } catch (const std::exception& error) {
    // Pools that have been shut down are the cause, and no news.
    if (on_sigterm.is_asked_for())
      return termination::status;
    throw;
  }
}

/// The file after `--flame-replay`, which is the first argument or none, and is
/// taken out of them.
std::optional<std::string> take_replay(int& argc, char**& argv) {
  constexpr std::string_view flag = "--flame-replay";
  if (argc < 2 || argv[1] != flag)
    return std::nullopt;
  if (argc < 3) {
    --argc;
    return std::string{};
  }
  std::string result = argv[2];
  argv[2] = argv[0];
  argv += 2;
  argc -= 2;
  return result;
}

/// Runs one call in a node that has no pools, and serves no parent.
int run_again(const std::string& file, node_options options,
              std::vector<std::string> args, const program& what) {
  auto state =
    std::make_unique<node::impl>(std::move(options), std::move(args), true);
  auto& handles = *state->handles;
  node self{std::move(state)};
  if (what.start)
    what.start(self);
  return replay_call(file, handles);
}

} // namespace

int run_program(int argc, char** argv, const program& what) {
  node_options options;
  command_line line;
  auto is_runner = is_started_as_runner();
  auto replay = is_runner ? std::nullopt : take_replay(argc, argv);
  try {
    line = parse_command_line(argc, argv);
    if (line.check_config && !is_runner)
      return check_configuration(line, what);
    options.config = configuration::load(line.source());
    if (what.configure)
      what.configure(options);
    if (line.print_config && !is_runner) {
      std::cout << options.config.print(options.pools);
      return EXIT_SUCCESS;
    }
  } catch (const std::exception& error) {
    // Its parent has the status, and shows what it has said.
    if (is_runner)
      end_as_unable(error);
    return report(error);
  }
  if (is_runner)
    serve_as_runner(std::move(options), std::move(line.rest), what);
  try {
    if (replay)
      return run_again(*replay, std::move(options), std::move(line.rest), what);
    return run_parent(std::move(options), std::move(line.rest), what);
  } catch (const std::exception& error) {
    return report(error);
  }
}

} // namespace flame::detail

namespace flame {

bool is_runner_process() noexcept {
  return detail::is_started_as_runner();
}

void serve(node_options options, std::function<void(node&)> start,
           std::function<void()> start_worker) {
  detail::program what;
  what.start = std::move(start);
  what.start_worker = std::move(start_worker);
  detail::serve_as_runner(std::move(options), {}, what);
}

} // namespace flame
