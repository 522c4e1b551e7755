/// Videos in a file of SQLite.
#pragma once

#include <filesystem>
#include <memory>

#include "database/sql_repository.hpp"

namespace studio {

class sqlite_repository final : public sql_repository {
public:
  /// @param file made if it is missing, for its owner alone; its directory must
  ///        be there
  /// @throws database_error if it cannot be opened, or is none of SQLite
  explicit sqlite_repository(const std::filesystem::path& file);

  ~sqlite_repository() override;

  sqlite_repository(const sqlite_repository&) = delete;
  sqlite_repository& operator=(const sqlite_repository&) = delete;

protected:
  sql_rows run(std::span<const sql_statement> statements) override;
  const char* lock() const noexcept override;

private:
  class impl;

  std::unique_ptr<impl> impl_;
};

} // namespace studio
