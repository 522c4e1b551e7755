/// Videos in a database of PostgreSQL.
#pragma once

#include <memory>
#include <string>

#include "database/sql_repository.hpp"

namespace studio {

/// Has one connection, made when it is first needed, and made again when it was
/// lost. A transaction that this happens to is run again, once: all of them may
/// be repeated.
class postgres_repository final : public sql_repository {
public:
  /// @param url as libpq takes it: `postgresql://host/database`. What it
  ///        leaves open, the environment says, as for all of libpq's programs
  /// @throws database_error if this is no such URL
  explicit postgres_repository(const std::string& url);

  ~postgres_repository() override;

  postgres_repository(const postgres_repository&) = delete;
  postgres_repository& operator=(const postgres_repository&) = delete;

protected:
  sql_rows run(std::span<const sql_statement> statements) override;
  const char* lock() const noexcept override;

private:
  class impl;

  std::unique_ptr<impl> impl_;
};

/// The repository that all of this process share who name the same URL, so that
/// there is one connection for each.
/// @throws database_error
std::shared_ptr<repository> shared_postgres(const std::string& url);

} // namespace studio
