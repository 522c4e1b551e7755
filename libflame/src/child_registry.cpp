#include "flame/child_registry.hpp"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "config_text.hpp"
#include "failure.hpp"
#include "flame/config.hpp"

namespace flame {

namespace detail {

namespace {

std::string grouped_signed(std::int64_t value) {
  // Not -value, which the least number has not.
  return value < 0
           ? '-' + grouped(std::size_t{0} - static_cast<std::size_t>(value))
           : grouped(static_cast<std::size_t>(value));
}

/// Null, with a mistake, if the value is not a single one.
const std::string* single(const argument& from, argument_mistakes& wrong) {
  return expect(argument::kind::scalar, from, wrong) ? &from.text : nullptr;
}

template <class T>
T read_integer(const argument& from, T low, T high, argument_mistakes& wrong) {
  auto* text = single(from, wrong);
  if (!text)
    return {};
  T result{};
  auto end = text->data() + text->size();
  auto [stopped, error] = std::from_chars(text->data(), end, result);
  auto is_negative = text->starts_with('-');
  if (stopped != end || error == std::errc::invalid_argument) {
    // Of what is unsigned, the sign is no part of a number.
    std::int64_t below = 0;
    if (is_negative && std::from_chars(text->data(), end, below).ptr == end
        && below < 0)
      error = std::errc::result_out_of_range;
    else
      error = std::errc::invalid_argument;
  }
  if (error == std::errc::invalid_argument)
    wrong.add(from, in_quotes(*text) + " is not a whole number");
  else if (error != std::errc{} || result < low || result > high)
    wrong.add(from, in_quotes(*text) + " is out of range");
  return result;
}

std::string_view name_of(argument::kind what) {
  switch (what) {
    case argument::kind::list:
      return "a list";
    case argument::kind::map:
      return "a map";
    case argument::kind::scalar:
      return "a single value";
    default:
      return "nothing";
  }
}

} // namespace

void argument_mistakes::add(const argument& at, std::string text) {
  all.push_back({current, at.where, std::move(text)});
}

bool expect(argument::kind what, const argument& from,
            argument_mistakes& wrong) {
  if (from.what == what || from.what == argument::kind::broken)
    return from.what == what;
  wrong.add(
    from, fmt::format("must be {}, not {}", name_of(what), name_of(from.what)));
  return false;
}

bool read_flag(const argument& from, argument_mistakes& wrong) {
  auto* text = single(from, wrong);
  if (text && *text != "true" && *text != "false")
    wrong.add(from, in_quotes(*text) + " is neither `true` nor `false`");
  return text && *text == "true";
}

std::int64_t read_signed(const argument& from, std::int64_t low,
                         std::int64_t high, argument_mistakes& wrong) {
  return read_integer<std::int64_t>(from, low, high, wrong);
}

std::uint64_t read_unsigned(const argument& from, std::uint64_t high,
                            argument_mistakes& wrong) {
  return read_integer<std::uint64_t>(from, 0, high, wrong);
}

double read_real(const argument& from, double highest,
                 argument_mistakes& wrong) {
  auto* text = single(from, wrong);
  if (!text)
    return 0;
  double result = 0;
  auto end = text->data() + text->size();
  auto [stopped, error] = std::from_chars(text->data(), end, result);
  if (stopped != end || error == std::errc::invalid_argument
      || (error == std::errc{} && !std::isfinite(result)))
    wrong.add(from, in_quotes(*text) + " is not a number");
  else if (error != std::errc{} || std::abs(result) > highest)
    wrong.add(from, in_quotes(*text) + " is out of range");
  return result;
}

std::string read_text(const argument& from, argument_mistakes& wrong) {
  auto* text = single(from, wrong);
  return text ? *text : std::string{};
}

duration read_time(const argument& from, argument_mistakes& wrong) {
  auto* text = single(from, wrong);
  if (!text)
    return {};
  try {
    return parse_duration(*text);
  } catch (const call_error& error) {
    wrong.add(from, error.what());
    return {};
  }
}

std::string whole_number(std::int64_t low, std::uint64_t high) {
  return fmt::format("a whole number, {} to {}", grouped_signed(low),
                     grouped(high));
}

std::string name_of_type(const std::type_info& type) {
  return type_name(type);
}

child_recipe::~child_recipe() = default;

} // namespace detail

bool child_registry::has(const std::string& name) const {
  return children_.contains(name);
}

std::vector<std::string> child_registry::names() const {
  std::vector<std::string> result;
  for (auto& entry : children_)
    result.push_back(entry.first);
  return result;
}

const detail::child_recipe* child_registry::find(
  const std::string& name) const {
  auto found = children_.find(name);
  return found == children_.end() ? nullptr : found->second.get();
}

void child_registry::put(std::string name,
                         std::shared_ptr<const detail::child_recipe> child) {
  children_.insert_or_assign(std::move(name), std::move(child));
}

} // namespace flame
