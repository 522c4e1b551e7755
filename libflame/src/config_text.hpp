/// Words and numbers as configuration has them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flame/error.hpp"

namespace flame::detail {

/// The exception for one mistake, or for several in lines.
[[noreturn]] void throw_invalid(std::string text);

/// Collects what is wrong, so that one run tells all of it.
class mistakes {
public:
  /// Nothing is told twice.
  /// @param where file and position, variable or flag
  void add(std::string_view where, std::string_view text);

  /// Throws `call_error` if there are any.
  void raise() const;

  /// A line for each.
  std::string text() const;

  bool empty() const noexcept {
    return lines_.empty();
  }

private:
  std::vector<std::string> lines_;
};

/// `text` without control characters.
std::string one_line(std::string_view text);

/// `text` for a message: shortened, and in one line.
std::string shown(std::string_view text);

/// The same between backquotes.
std::string in_quotes(std::string_view text);

std::string_view trimmed(std::string_view text);

std::string joined(const std::vector<std::string_view>& words,
                   std::string_view separator = ", ");

/// A number with separators: 10,000.
std::string grouped(std::size_t value);

/// The whole number that `text` is. Throws `call_error` for anything else.
std::size_t parse_count(std::string_view text);

/// A letter, then letters, digits, `_` and `-`: names of pools and backends.
bool is_name(std::string_view text) noexcept;

/// Letters, digits, `_`, `-` and `.`.
bool is_node_name(std::string_view text) noexcept;

/// The like with `/`, and longer: a key of a backend's settings.
bool is_setting_key(std::string_view text) noexcept;

/// Where nearness is told by a number: 0 is the same word but for case, `_` and
/// `-`; nothing when it is another word.
std::optional<std::size_t> nearness(std::string_view word,
                                    std::string_view candidate);

/// The candidate that `word` was likely meant to be.
std::optional<std::string_view> nearest(
  std::string_view word, const std::vector<std::string_view>& candidates);

/// "did you mean `x`?", or all that would be right.
std::string suggestion(std::string_view word,
                       const std::vector<std::string_view>& candidates);

} // namespace flame::detail
