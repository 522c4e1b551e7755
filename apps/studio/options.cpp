#include "options.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>

#include <CLI/CLI.hpp>
#include <flame/config.hpp>
#include <flame/error.hpp>

namespace studio {

namespace {

constexpr int status_usage = 2;

constexpr const char* database_flag = "--database";
constexpr const char* database_file_flag = "--database-file";

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

/// @param lowest,highest as the user may write them
CLI::callback_t read_time(const std::string& option,
                          std::chrono::milliseconds& target,
                          const std::string& lowest,
                          const std::string& highest) {
  return [=, &target](const CLI::results_t& values) {
    try {
      auto span = flame::parse_duration(values.back());
      target = std::chrono::floor<std::chrono::milliseconds>(span);
    } catch (const flame::call_error& error) {
      throw CLI::ValidationError{option, error.what()};
    }
    if (target < flame::parse_duration(lowest)
        || target > flame::parse_duration(highest))
      throw CLI::ValidationError{option, values.back() + " is not a time from "
                                           + lowest + " to " + highest};
    return true;
  };
}

/// The first line of a file.
std::string line_in(const std::string& option, const std::string& file) {
  std::ifstream in{file};
  std::string result;
  if (!in || !std::getline(in, result))
    throw CLI::ValidationError{option, "cannot read " + file};
  return result;
}

CLI::callback_t read_database(const std::string& option, database_url& target,
                              bool is_in_file) {
  return [option, &target, is_in_file](const CLI::results_t& values) {
    auto& value = values.back();
    auto text = is_in_file ? line_in(option, value) : value;
    try {
      target = parse_database_url(text);
    } catch (const database_error& error) {
      throw CLI::ValidationError{option, error.what()};
    }
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
    .add_option(
      "--stall-timeout",
      read_time("--stall-timeout", result.stall_timeout, "100ms", "1h"),
      "How long a browser may send nothing of a video that it "
      "uploads [30s]")
    ->type_name("TIME");
  app
    .add_option("--every", read_time("--every", result.every, "40ms", "10min"),
                "Time from thumbnail to thumbnail; more than that in long "
                "videos [1s]")
    ->type_name("TIME");
  app
    .add_option("--sample-length", result.sample_seconds,
                "Seconds that the sample videos take [20]")
    ->check(within(1, 600))
    ->type_name("N");
  auto* url =
    app
      .add_option(database_flag,
                  read_database(database_flag, result.database, false),
                  "Where videos are kept: sqlite:///path/file.db or "
                  "postgresql://host/database [a file that is "
                  "gone with the studio]")
      ->type_name("URL");
  app
    .add_option(database_file_flag,
                read_database(database_file_flag, result.database, true),
                "File with that URL, as others can see command lines")
    ->type_name("FILE")
    ->excludes(url);
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
    // It may show what it did not expect.
    std::cerr << "error: " << without_credentials(error.what())
              << "\nSee studio --help." << std::endl;
    return status_usage;
  }
  return result;
}

std::vector<std::string> runner_command() {
  std::vector<std::string> result;
  std::ifstream file{"/proc/self/cmdline", std::ios::binary};
  auto is_value = false;
  for (std::string part; std::getline(file, part, '\0');) {
    auto is_flag = part == database_flag || part == database_file_flag;
    auto has_value = part.starts_with(std::string{database_flag} + '=')
                     || part.starts_with(std::string{database_file_flag} + '=');
    if (!is_value && !is_flag && !has_value)
      result.push_back(part);
    is_value = is_flag && !is_value;
  }
  // As flame does where it is not told: the directory may be another one later.
  std::error_code ec;
  auto program = std::filesystem::read_symlink("/proc/self/exe", ec);
  if (!ec && !result.empty())
    result.front() = program.string();
  return result;
}

} // namespace studio
