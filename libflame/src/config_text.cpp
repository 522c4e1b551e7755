#include "config_text.hpp"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <utility>

namespace flame::detail {

namespace {

constexpr std::size_t longest_name = 63;

constexpr std::size_t longest_setting_key = 255;

constexpr std::size_t longest_shown = 80;

bool is_letter(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

bool is_word(char c) noexcept {
  return is_letter(c) || is_digit(c) || c == '_' || c == '-';
}

// `maxConcurrency`, `max-concurrency` and `MAX_CONCURRENCY` mean one thing.
std::string folded(std::string_view word) {
  std::string result;
  for (char c : word) {
    if (c >= 'A' && c <= 'Z')
      result += static_cast<char>(c - 'A' + 'a');
    else if (c != '_' && c != '-')
      result += c;
  }
  return result;
}

// Edit distance in which two letters in the wrong order are one mistake.
std::size_t distance(std::string_view x, std::string_view y) {
  std::vector<std::size_t> before(y.size() + 1);
  std::vector<std::size_t> above(y.size() + 1);
  std::vector<std::size_t> row(y.size() + 1);
  std::iota(above.begin(), above.end(), std::size_t{0});
  for (std::size_t i = 1; i <= x.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= y.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1,
                         above[j - 1] + (x[i - 1] == y[j - 1] ? 0u : 1u)});
      if (i > 1 && j > 1 && x[i - 1] == y[j - 2] && x[i - 2] == y[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[y.size()];
}

} // namespace

void throw_invalid(std::string text) {
  throw call_error{errc::invalid_configuration, std::move(text)};
}

void mistakes::add(std::string_view where, std::string_view text) {
  std::string line{where};
  line.append(": ").append(text);
  // What stands behind an anchor is read at each of its aliases.
  if (std::find(lines_.begin(), lines_.end(), line) == lines_.end())
    lines_.push_back(std::move(line));
}

void mistakes::raise() const {
  if (!lines_.empty())
    throw_invalid(text());
}

std::string mistakes::text() const {
  return joined({lines_.begin(), lines_.end()}, "\n");
}

std::string one_line(std::string_view text) {
  std::string result;
  for (char c : text) {
    if (c == '\n')
      result += "\\n";
    else
      result += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  }
  return result;
}

std::string shown(std::string_view text) {
  auto result = one_line(text.substr(0, longest_shown));
  if (text.size() > longest_shown)
    result += "...";
  return result;
}

std::string in_quotes(std::string_view text) {
  return '`' + shown(text) + '`';
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n";
  auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos)
    return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

std::string joined(const std::vector<std::string_view>& words,
                   std::string_view separator) {
  std::string result;
  for (auto word : words) {
    if (!result.empty())
      result += separator;
    result += word;
  }
  return result;
}

std::string grouped(std::size_t value) {
  auto result = std::to_string(value);
  for (auto at = result.size(); at > 3; at -= 3)
    result.insert(at - 3, 1, ',');
  return result;
}

std::size_t parse_count(std::string_view text) {
  auto digits = trimmed(text);
  std::size_t result = 0;
  auto end = digits.data() + digits.size();
  auto [stopped, error] = std::from_chars(digits.data(), end, result);
  if (error == std::errc::result_out_of_range && stopped == end)
    throw_invalid(in_quotes(text) + " is too large");
  if (error != std::errc{} || stopped != end)
    throw_invalid(in_quotes(text) + " is not a whole number");
  return result;
}

bool is_name(std::string_view text) noexcept {
  return !text.empty() && text.size() <= longest_name && is_letter(text[0])
         && std::all_of(text.begin(), text.end(), is_word);
}

bool is_node_name(std::string_view text) noexcept {
  return !text.empty() && text.size() <= longest_name
         && std::all_of(text.begin(), text.end(), [](char c) {
              return is_word(c) || c == '.';
            });
}

bool is_setting_key(std::string_view text) noexcept {
  return !text.empty() && text.size() <= longest_setting_key
         && std::all_of(text.begin(), text.end(), [](char c) {
              return is_word(c) || c == '.' || c == '/';
            });
}

std::optional<std::size_t> nearness(std::string_view word,
                                    std::string_view candidate) {
  auto x = folded(word);
  auto y = folded(candidate);
  // Nothing that a person mistypes is this long.
  if (x.empty() || x.size() > longest_name)
    return std::nullopt;
  auto steps = distance(x, y);
  if (steps <= std::max(x.size(), y.size()) / 3)
    return steps;
  // `concurrency` for `max_concurrency`, `warning` for `warn`.
  if ((x.size() >= 4 && y.find(x) != std::string::npos)
      || (y.size() >= 3 && x.starts_with(y)))
    return steps;
  return std::nullopt;
}

std::optional<std::string_view> nearest(
  std::string_view word, const std::vector<std::string_view>& candidates) {
  std::optional<std::string_view> result;
  std::size_t best = 0;
  for (auto candidate : candidates) {
    auto steps = nearness(word, candidate);
    if (steps && (!result || *steps < best)) {
      result = candidate;
      best = *steps;
    }
  }
  return result;
}

std::string suggestion(std::string_view word,
                       const std::vector<std::string_view>& candidates) {
  if (auto candidate = nearest(word, candidates))
    return "did you mean " + in_quotes(*candidate) + "?";
  return "known are " + joined(candidates);
}

} // namespace flame::detail
