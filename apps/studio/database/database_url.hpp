/// Which database: what `--database` says.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "database/repository.hpp"

namespace studio {

struct sqlite_url {
  /// Empty: one that is gone with the program.
  std::filesystem::path file = {};
};

/// May have a password in it.
struct postgres_url {
  std::string text;
};

using database_url = std::variant<sqlite_url, postgres_url>;

/// Reads `sqlite:///path/file.db` or `postgresql://...`.
/// @throws database_error that says what is wrong, and shows nothing of what may
///         be a password
database_url parse_database_url(std::string_view text);

/// The text, with `***` for names and passwords in URLs, and for values of
/// `password=`.
std::string without_credentials(std::string_view text);

} // namespace studio
