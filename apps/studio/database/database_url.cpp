#include "database/database_url.hpp"

#include <regex>

#include <fmt/format.h>

#include "database/postgres_repository.hpp"

namespace studio {

namespace {

constexpr const char* usage =
  "takes sqlite:///path/file.db or postgresql://host/database";

int hex_digit(char c) {
  constexpr std::string_view digits = "0123456789abcdef";
  auto at = digits.find(c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

std::string percent_decoded(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    auto c = text.front();
    text.remove_prefix(1);
    if (c == '%') {
      auto high = text.size() < 2 ? -1 : hex_digit(text[0]);
      auto low = text.size() < 2 ? -1 : hex_digit(text[1]);
      if (high < 0 || low < 0 || (high == 0 && low == 0))
        throw database_error{"a % in the path has to be written as %25"};
      c = static_cast<char>(high * 16 + low);
      text.remove_prefix(2);
    }
    result += c;
  }
  return result;
}

sqlite_url sqlite_file(std::string_view path) {
  if (!path.starts_with('/') || path.ends_with('/')
      || path.find_first_of("?#") != std::string_view::npos)
    throw database_error{"after sqlite:// comes the path of a file, from / on: "
                         "sqlite:///path/file.db"};
  return {percent_decoded(path)};
}

} // namespace

database_url parse_database_url(std::string_view text) {
  auto end = text.find("://");
  // What is no URL may be anything, a password included.
  if (end == std::string_view::npos)
    throw database_error{usage};
  auto scheme = text.substr(0, end);
  if (scheme == "sqlite")
    return sqlite_file(text.substr(end + 3));
  if (scheme != "postgresql" && scheme != "postgres")
    throw database_error{fmt::format(
      "{}, and knows nothing of {}://", usage,
      scheme.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789+-.")
          == std::string_view::npos
        ? scheme
        : "this")};
  std::string url{text};
  // Throws if it cannot be read; connects to nothing yet.
  static_cast<void>(postgres_repository{url});
  return postgres_url{std::move(url)};
}

std::string without_credentials(std::string_view text) {
  static const std::regex user{"://\\S*@"};
  static const std::regex parameter{"(password\\s*=\\s*)[^&\\s]*",
                                    std::regex::icase};
  auto result = std::regex_replace(std::string{text}, user, "://***@");
  return std::regex_replace(result, parameter, "$1***");
}

} // namespace studio
