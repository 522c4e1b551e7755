/// What repositories in SQL have in common: all but the connection.
#pragma once

#include <span>
#include <variant>

#include "database/repository.hpp"

namespace studio {

/// A parameter of a statement. Bytes are what `thumbnail::jpeg` is.
using sql_value = std::variant<std::int64_t, std::string, std::vector<char>>;

/// Parameters are `$1` and so on, and occur first in this order.
struct sql_statement {
  const char* text;
  std::vector<sql_value> parameters = {};
};

/// Values as text, or as the bytes that they are.
using sql_rows = std::vector<std::vector<std::string>>;

/// A repository in a database that understands what both SQLite and PostgreSQL
/// do. Others may share it: the names of its tables begin with `studio_`.
class sql_repository : public repository {
public:
  void open() override;
  void begin(const video_attempt& by, const video_title& what) override;
  void add(const video_attempt& by, const thumbnail& what) override;
  void finish(const video_attempt& by, const video_facts& what) override;
  std::vector<stored_video> latest(std::size_t most) override;
  std::optional<std::string> jpeg(const std::string& video,
                                  std::uint32_t index) override;
  void remove(const std::string& video) override;

protected:
  /// Runs the statements as one transaction. Thread-safe.
  /// @returns what the last one returns
  /// @throws database_error and has no effect then
  virtual sql_rows run(std::span<const sql_statement> statements) = 0;

  /// Keeps the transactions of others that begin with it waiting; null where all
  /// transactions do.
  virtual const char* lock() const noexcept = 0;

private:
  void check_version();
  std::vector<sql_statement> locked() const;
  sql_rows run_one(sql_statement what);
};

} // namespace studio
