#include "options.hpp"

#include <iostream>

#include <CLI/CLI.hpp>
#include <flame/config.hpp>
#include <flame/error.hpp>

namespace studio {

namespace {

constexpr int status_usage = 2;

CLI::callback_t read_size(const std::string& option, std::uint64_t& target) {
  return [option, &target](const CLI::results_t& values) {
    try {
      target = flame::parse_size(values.back());
    } catch (const flame::call_error& error) {
      throw CLI::ValidationError{option, error.what()};
    }
    if (target == 0)
      throw CLI::ValidationError{option, "0 leaves no room for a video"};
    return true;
  };
}

CLI::callback_t read_every(const std::string& option, std::int64_t& target) {
  return [option, &target](const CLI::results_t& values) {
    try {
      auto span = flame::parse_duration(values.back());
      target = std::chrono::floor<std::chrono::milliseconds>(span).count();
    } catch (const flame::call_error& error) {
      throw CLI::ValidationError{option, error.what()};
    }
    if (target < 40 || target > 600'000)
      throw CLI::ValidationError{option, values.back()
                                           + " is not a time from 40ms to "
                                             "10min"};
    return true;
  };
}

CLI::Validator within(std::size_t lowest, std::size_t highest) {
  auto result = CLI::Range(lowest, highest);
  result.description("");
  return result;
}

void describe(CLI::App& app, options& result) {
  auto& server = result.server;
  app
    .add_option("--listen", server.address,
                "IP address to listen on [127.0.0.1]")
    ->type_name("ADDRESS");
  app.add_option("--port", server.port, "0 takes any that is free [8080]")
    ->type_name("PORT");
  app
    .add_option("--host", server.hosts,
                "Name by which browsers may call the server, beside its "
                "address and localhost; may be repeated")
    ->type_name("NAME");
  app
    .add_option("--max-upload", read_size("--max-upload", result.max_upload),
                "Largest video, e.g. 500MB [2GiB]")
    ->type_name("SIZE");
  app
    .add_option("--max-uploads", result.max_uploads,
                "Most videos that are being uploaded at a time [64]")
    ->check(within(1, 10'000))
    ->type_name("N");
  app
    .add_option("--every", read_every("--every", result.every_ms),
                "Time from thumbnail to thumbnail; more than that in long "
                "videos [1s]")
    ->type_name("TIME");
  app
    .add_option("--sample-length", result.sample_seconds,
                "Seconds that the sample videos take [20]")
    ->check(within(1, 600))
    ->type_name("N");
  app
    .add_option_function<std::string>(
      "--dashboard",
      [&result](const std::string& listen) {
        result.dashboard = listen.empty() ? "127.0.0.1:0" : listen;
      },
      "Serve flame's dashboard as well, on this loopback address or "
      "unix:/path; "
      "without one, on 127.0.0.1 and any port that is free")
    ->expected(0, 1)
    ->type_name("[ADDRESS]");
  app.set_help_flag("-h,--help", "This text");
  app.footer([] {
    return flame::command_line_help();
  });
  app.get_formatter()->column_width(22);
}

} // namespace

std::variant<options, int> parse_options(std::span<const std::string> args) {
  options result;
  CLI::App app{
    "A page on which videos are dropped, and their thumbnails appear "
    "while runners\nmake them.",
    "studio"};
  describe(app, result);
  // CLI11 takes a vector from its back.
  std::vector<std::string> reversed{args.rbegin(), args.rend()};
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    std::cout << app.help() << std::flush;
    return EXIT_SUCCESS;
  } catch (const CLI::ParseError& error) {
    std::cerr << "error: " << error.what() << "\nSee studio --help."
              << std::endl;
    return status_usage;
  }
  return result;
}

} // namespace studio
