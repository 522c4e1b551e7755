#include "flame/run.hpp"

#include <iostream>

#include "flame/error.hpp"
#include "node_impl.hpp"
#include "runner_main.hpp"

namespace flame::detail {

namespace {

constexpr int status_failed = 1;
constexpr int status_usage = 2;

/// What is wrong, for people.
/// @returns the exit status
int report(const std::exception& error) {
  std::cerr << "error: " << error.what() << std::endl;
  auto* ours = dynamic_cast<const call_error*>(&error);
  return ours && ours->code() == errc::invalid_configuration ? status_usage
                                                             : status_failed;
}

int run_parent(node_options options, std::vector<std::string> args,
               const program& what) {
  node self{
    std::make_unique<node::impl>(std::move(options), std::move(args), false)};
  if (what.start)
    what.start(self);
  return what.main(self);
}

} // namespace

int run_program(int argc, char** argv, const program& what) {
  node_options options;
  command_line line;
  auto is_runner = is_started_as_runner();
  try {
    line = parse_command_line(argc, argv);
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
    return run_parent(std::move(options), std::move(line.rest), what);
  } catch (const std::exception& error) {
    return report(error);
  }
}

} // namespace flame::detail
