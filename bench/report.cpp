#include "report.hpp"

#include <algorithm>
#include <fstream>
#include <ostream>
#include <stdexcept>

#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sampling.hpp"

namespace bench {

namespace {

using row = std::vector<std::string>;
using json = nlohmann::ordered_json;

std::string number(double value) {
  if (value >= 1000)
    return fmt::format("{:.0f}", value);
  return fmt::format("{:.{}f}", value, value >= 100 ? 1 : 2);
}

std::string quantity(const series& what) {
  if (what.rounds.empty())
    return "-";
  return fmt::format("{} {}", number(median(what.rounds)), what.unit);
}

std::string sign_of(bound side) {
  return side == bound::at_most ? "<=" : ">=";
}

row row_of(const figure& each) {
  return {each.key,
          quantity(each.measured),
          quantity(each.limit),
          number(each.value),
          each.side == bound::none
            ? "-"
            : fmt::format("{} {}", sign_of(each.side), number(each.bar)),
          each.side == bound::none ? "-"
          : each.met()             ? "yes"
                                   : "NO",
          each.limit.rounds.empty()
            ? each.measured.what
            : each.measured.what + " / " + each.limit.what};
}

json json_of(const series& what) {
  return {{"what", what.what},
          {"unit", what.unit},
          {"median", median(what.rounds)},
          {"rounds", what.rounds}};
}

json json_of(const figure& each) {
  json result{{"value", each.value},
              {"rounds", each.measured.rounds.size()},
              {"figure", json_of(each.measured)}};
  if (each.side != bound::none) {
    result["bar"] = each.bar;
    result["must_be"] = sign_of(each.side);
    result["met"] = each.met();
  }
  if (!each.limit.rounds.empty())
    result["limit"] = json_of(each.limit);
  return result;
}

} // namespace

figure ratio_to(std::string key, series measured, series limit, bound side,
                double bar) {
  auto value = median_ratio(measured.rounds, limit.rounds);
  return {
    std::move(key), std::move(measured), std::move(limit), value, side, bar};
}

figure comparison(std::string key, series measured, series limit) {
  return ratio_to(std::move(key), std::move(measured), std::move(limit),
                  bound::none, 0);
}

figure absolute(std::string key, series measured, bound side, double bar) {
  auto value = median(measured.rounds);
  return {std::move(key), std::move(measured), {}, value, side, bar};
}

figure beside(std::string key, series measured, series limit, bound side,
              double bar) {
  auto result = absolute(std::move(key), std::move(measured), side, bar);
  result.limit = std::move(limit);
  return result;
}

void print_table(std::ostream& out, const std::vector<figure>& figures) {
  std::vector<row> rows{
    {"key", "figure", "limit", "value", "bar", "met", "figure / limit"}};
  std::ranges::transform(figures, std::back_inserter(rows), row_of);
  std::vector<std::size_t> widths(rows.front().size());
  for (auto& each : rows)
    for (std::size_t i = 0; i < each.size(); ++i)
      widths[i] = std::max(widths[i], each[i].size());
  for (auto& each : rows) {
    for (std::size_t i = 0; i + 1 < each.size(); ++i) {
      // Numbers end in one column, words start in one.
      auto is_number = i >= 1 && i <= 4;
      out << (is_number ? fmt::format("{:>{}}  ", each[i], widths[i])
                        : fmt::format("{:<{}}  ", each[i], widths[i]));
    }
    out << each.back() << '\n';
  }
  out << "Figures and limits are medians over the rounds; a ratio is the "
         "median of each round's.\n"
      << std::flush;
}

void check_writable(const std::string& path) {
  if (!std::ofstream{path, std::ios::app})
    throw std::runtime_error{"cannot write " + path};
}

void write_json(const std::string& path, const std::vector<figure>& figures) {
  json result = json::object();
  for (auto& each : figures)
    result[each.key] = json_of(each);
  std::ofstream file{path};
  file << result.dump(2) << '\n';
  file.close();
  if (!file)
    throw std::runtime_error{"cannot write " + path};
}

progress::progress() : is_terminal_(::isatty(STDERR_FILENO) == 1) {
  // nop
}

progress::~progress() {
  if (is_terminal_)
    fmt::print(stderr, "\r\x1b[K");
}

void progress::show(const std::string& text) {
  if (is_terminal_)
    fmt::print(stderr, "\r\x1b[K{}", text);
  else if (text != last_)
    fmt::print(stderr, "{}\n", text);
  std::fflush(stderr);
  last_ = text;
}

void progress::show(const std::string& text, std::size_t round,
                    std::size_t rounds) {
  // A file gets one line for each subject, not for each round.
  if (is_terminal_)
    show(fmt::format("{}, round {} of {}", text, round + 1, rounds));
  else
    show(text);
}

} // namespace bench
