#include "options.hpp"

#include <algorithm>
#include <iostream>
#include <vector>

#include <CLI/CLI.hpp>
#include <flame/config.hpp>
#include <flame/error.hpp>
#include <fmt/format.h>

#include "contact_sheet.hpp"

namespace thumbnails {

namespace {

using std::chrono::milliseconds;

constexpr int status_usage = 2;

constexpr milliseconds shortest = milliseconds{1};
constexpr milliseconds longest = std::chrono::hours{24};

/// A time span of whole milliseconds, for CLI11: an exception of its own is
/// reported with the option's name.
milliseconds parse_span(const std::string& option, const std::string& text) {
  try {
    auto value = flame::parse_duration(text);
    auto result = std::chrono::floor<milliseconds>(value);
    if (result < shortest || result > longest || value != result)
      throw CLI::ValidationError{
        option, fmt::format("{} is not a time from {} to {} in whole "
                            "milliseconds",
                            text, flame::format_duration(shortest),
                            flame::format_duration(longest))};
    return result;
  } catch (const flame::call_error& error) {
    throw CLI::ValidationError{option, error.what()};
  }
}

CLI::callback_t read_span(const std::string& option, milliseconds& target) {
  return [option, &target](const CLI::results_t& values) {
    target = parse_span(option, values.back());
    return true;
  };
}

/// A range that is told when it is missed, and not in the help.
CLI::Validator within(int lowest, int highest) {
  auto result = CLI::Range(lowest, highest);
  result.description("");
  return result;
}

/// More columns than fit are told apart from what is no number of columns.
std::string check_columns(const std::string& text) {
  std::uint32_t columns = 0;
  auto most = most_columns();
  if (!CLI::detail::lexical_cast(text, columns) || columns == 0)
    return fmt::format("{} is not a number from 1 to {}", text, most);
  if (columns > most)
    return fmt::format("{} columns do not fit on a contact sheet; at most {} "
                       "do",
                       text, most);
  return {};
}

void describe(CLI::App& app, options& result, std::uint32_t& columns) {
  app.add_option("VIDEO", result.video, "The video")
    ->required()
    ->type_name("FILE");
  app
    .add_option("--every", read_span("--every", result.every),
                "Time from frame to frame, e.g. 500ms or 2min [1s]")
    ->type_name("TIME");
  app
    .add_option("--out", result.out,
                "Where frames and sheet go; made if need be [thumbnails]")
    ->type_name("DIR");
  app.add_option("--width", result.width, "Width of a frame in pixels [320]")
    ->check(within(16, 4096))
    ->type_name("PIXELS");
  app
    .add_option("--columns", columns,
                "Columns of the contact sheet [what looks good]")
    ->check(check_columns)
    ->type_name("N");
  app
    .add_option("--segment", read_span("--segment", result.segment),
                "Part of the video that one ffmpeg works on [10s]")
    ->type_name("TIME");
  app
    .add_option("--font", result.font, "Font of the time stamps [DejaVu Sans]")
    ->type_name("FILE");
  app.add_option("--pool", result.pool, "Pool of the runners [ffmpeg]")
    ->type_name("NAME");
  app.add_flag("--json", result.as_json,
               "Tell what happens as JSON, an object per line");
  app.add_flag("--quiet", result.is_quiet, "Tell failures only");
  app.set_help_flag("-h,--help", "This text");
  app.footer([] {
    return flame::command_line_help();
  });
  app.get_formatter()->column_width(20);
}

} // namespace

std::variant<options, int> parse_options(std::span<const std::string> args) {
  options result;
  std::uint32_t columns = 0;
  CLI::App app{"Takes a frame of a video at regular times, on runners that "
               "are there for as\nlong as there is work, and puts the frames "
               "on one contact sheet.",
               "thumbnails"};
  describe(app, result, columns);
  // CLI11 takes a vector from its back.
  std::vector<std::string> reversed{args.rbegin(), args.rend()};
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    std::cout << app.help() << std::flush;
    return EXIT_SUCCESS;
  } catch (const CLI::ParseError& error) {
    std::cerr << "error: " << error.what() << "\nSee thumbnails --help."
              << std::endl;
    return status_usage;
  }
  if (columns > 0)
    result.columns = columns;
  return result;
}

} // namespace thumbnails
