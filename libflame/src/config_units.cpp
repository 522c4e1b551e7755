#include "flame/config.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <span>

#include "config_text.hpp"

namespace flame {

namespace {

using detail::in_quotes;
using detail::throw_invalid;

struct unit {
  std::string_view name;
  std::uint64_t factor;
};

// Both tables are in ascending order, which formatting relies on.
constexpr std::array<unit, 7> time_units{{
  {"ns", 1},
  {"us", 1'000},
  {"ms", 1'000'000},
  {"s", 1'000'000'000},
  {"min", 60'000'000'000},
  {"h", 3'600'000'000'000},
  {"d", 86'400'000'000'000},
}};

constexpr std::array<unit, 4> binary_units{{
  {"KiB", std::uint64_t{1} << 10},
  {"MiB", std::uint64_t{1} << 20},
  {"GiB", std::uint64_t{1} << 30},
  {"TiB", std::uint64_t{1} << 40},
}};

constexpr std::array<unit, 7> other_size_units{{
  {"", 1},
  {"B", 1},
  {"kB", 1'000},
  {"KB", 1'000},
  {"MB", 1'000'000},
  {"GB", 1'000'000'000},
  {"TB", 1'000'000'000'000},
}};

constexpr std::uint64_t powers_of_ten[] = {
  1,       10,        100,        1'000,       10'000,
  100'000, 1'000'000, 10'000'000, 100'000'000, 1'000'000'000,
};

struct quantity {
  std::string_view whole;
  std::string_view fraction;
  std::string_view unit;
};

std::string_view take_digits(std::string_view& text) {
  auto count = std::min(text.find_first_not_of("0123456789"), text.size());
  auto result = text.substr(0, count);
  text.remove_prefix(count);
  return result;
}

quantity take_apart(std::string_view text, std::string_view what) {
  auto rest = detail::trimmed(text);
  quantity result;
  if (rest.starts_with('-'))
    throw_invalid(in_quotes(text) + " is negative");
  result.whole = take_digits(rest);
  if (result.whole.empty())
    throw_invalid(in_quotes(text) + " is not a " + std::string{what});
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    result.fraction = take_digits(rest);
    if (result.fraction.empty())
      throw_invalid(in_quotes(text) + " has no digit after the point");
  }
  result.unit = detail::trimmed(rest);
  return result;
}

std::uint64_t parse_digits(std::string_view digits, std::string_view text) {
  std::uint64_t result = 0;
  auto end = digits.data() + digits.size();
  if (std::from_chars(digits.data(), end, result).ec != std::errc{})
    throw_invalid(in_quotes(text) + " is too large");
  return result;
}

// Integers throughout: 0.1s is a hundred million nanoseconds, not one less.
std::uint64_t times(const quantity& number, std::uint64_t factor,
                    std::string_view text, std::string_view smallest) {
  auto whole = parse_digits(number.whole, text);
  if (whole > std::numeric_limits<std::uint64_t>::max() / factor)
    throw_invalid(in_quotes(text) + " is too large");
  if (number.fraction.size() >= std::size(powers_of_ten))
    throw_invalid(in_quotes(text) + " has more than 9 digits after the point");
  auto fraction = number.fraction.empty() ? std::uint64_t{0}
                                          : parse_digits(number.fraction, text);
  auto scale = powers_of_ten[number.fraction.size()];
  auto rest = factor % scale * fraction;
  if (rest % scale != 0)
    throw_invalid(in_quotes(text) + " is not a whole number of "
                  + std::string{smallest});
  auto part = factor / scale * fraction + rest / scale;
  if (whole * factor > std::numeric_limits<std::uint64_t>::max() - part)
    throw_invalid(in_quotes(text) + " is too large");
  return whole * factor + part;
}

const unit* find_unit(std::span<const unit> units, std::string_view name) {
  for (auto& candidate : units)
    if (candidate.name == name)
      return &candidate;
  return nullptr;
}

} // namespace

duration parse_duration(std::string_view text) {
  if (detail::trimmed(text) == "infinite")
    return infinite;
  auto number = take_apart(text, "time span: write e.g. 30s or `infinite`");
  if (number.unit.empty())
    throw_invalid(in_quotes(text) + " has no unit: write e.g. "
                  + std::string{detail::trimmed(text)}
                  + "s; units are ns, us, "
                    "ms, s, min, h, d");
  auto found = find_unit(time_units, number.unit);
  if (!found)
    throw_invalid(in_quotes(number.unit)
                  + " is not a unit of time: use ns, us, "
                    "ms, s, min, h or d");
  auto value = times(number, found->factor, text, "nanoseconds");
  if (value >= static_cast<std::uint64_t>(infinite.count()))
    throw_invalid(in_quotes(text) + " is too long: write `infinite`");
  return duration{static_cast<duration::rep>(value)};
}

std::size_t parse_size(std::string_view text) {
  auto number = take_apart(text, "size: write e.g. 64MiB");
  auto found = find_unit(binary_units, number.unit);
  if (!found)
    found = find_unit(other_size_units, number.unit);
  if (!found)
    throw_invalid(in_quotes(number.unit)
                  + " is not a unit of size: use B, KiB, "
                    "MiB, GiB, TiB or kB, MB, GB, TB");
  auto value = times(number, found->factor, text, "bytes");
  if constexpr (sizeof(std::size_t) < sizeof(std::uint64_t))
    if (value > std::numeric_limits<std::size_t>::max())
      throw_invalid(in_quotes(text) + " is too large");
  return static_cast<std::size_t>(value);
}

std::string format_duration(duration value) {
  if (value == infinite)
    return "infinite";
  if (value == duration::zero())
    return "0s";
  auto best = time_units.front();
  for (auto& candidate : time_units)
    if (value.count() % static_cast<duration::rep>(candidate.factor) == 0)
      best = candidate;
  auto number = value.count() / static_cast<duration::rep>(best.factor);
  return std::to_string(number).append(best.name);
}

std::string format_size(std::size_t value) {
  unit best{"", 1};
  for (auto& candidate : binary_units)
    if (value != 0 && value % candidate.factor == 0)
      best = candidate;
  return std::to_string(value / best.factor).append(best.name);
}

} // namespace flame
