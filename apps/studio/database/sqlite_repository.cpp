#include "database/sqlite_repository.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

namespace studio {

namespace {

/// How long another program may hold the file.
constexpr int patience_ms = 5000;

/// How often others may be in the way of a change that does not wait.
constexpr int most_attempts = 100;

/// SQLite would make a file that anybody may read. It is closed before it has
/// its name: closing it later would end the locks that SQLite has on it.
void make_file(const std::filesystem::path& file) {
  if (std::filesystem::exists(file))
    return;
  auto name = file.string() + ".XXXXXX";
  auto fd = ::mkostemp(name.data(), O_CLOEXEC);
  auto error = errno;
  if (fd >= 0) {
    ::close(fd);
    error = ::link(name.c_str(), file.c_str()) == 0 ? 0 : errno;
    ::unlink(name.c_str());
  }
  if (error != 0 && error != EEXIST)
    throw database_error{fmt::format("cannot make the database {}: {}",
                                     file.string(), std::strerror(error))};
}

/// So that readers do not wait for writers, nor these for the disk. SQLite does
/// not wait itself where another one is changing the same.
void use_log(SQLite::Database& database) {
  for (int attempt = 1;; ++attempt) {
    if (database.tryExec("PRAGMA journal_mode = WAL") == SQLITE_OK)
      break;
    if (database.getErrorCode() != SQLITE_BUSY || attempt == most_attempts)
      throw SQLite::Exception{database.getHandle()};
    database.exec("BEGIN IMMEDIATE; COMMIT");
  }
  database.exec("PRAGMA synchronous = NORMAL");
}

struct to_parameter {
  SQLite::Statement& statement;
  int at;

  void operator()(std::int64_t value) const {
    statement.bind(at, value);
  }

  void operator()(const std::string& value) const {
    statement.bind(at, value);
  }

  void operator()(const std::vector<char>& value) const {
    // No bytes are not NULL.
    auto* bytes = value.empty() ? "" : value.data();
    statement.bind(at, bytes, static_cast<int>(value.size()));
  }
};

sql_rows rows_of(SQLite::Database& in, const sql_statement& what) {
  SQLite::Statement statement{in, what.text};
  int at = 0;
  for (auto& each : what.parameters)
    std::visit(to_parameter{statement, ++at}, each);
  sql_rows result;
  while (statement.executeStep()) {
    auto& row = result.emplace_back();
    for (int i = 0; i < statement.getColumnCount(); ++i)
      row.push_back(statement.getColumn(i).getString());
  }
  return result;
}

} // namespace

class sqlite_repository::impl {
public:
  explicit impl(const std::filesystem::path& file)
    : database_(file.string(), SQLite::OPEN_READWRITE, patience_ms) {
    use_log(database_);
    database_.exec("PRAGMA foreign_keys = ON");
  }

  sql_rows run(std::span<const sql_statement> statements) {
    std::lock_guard guard{mutex_};
    // From its begin on, so that there is nothing to be repeated.
    SQLite::Transaction transaction{database_,
                                    SQLite::TransactionBehavior::IMMEDIATE};
    sql_rows result;
    for (auto& each : statements)
      result = rows_of(database_, each);
    transaction.commit();
    return result;
  }

private:
  std::mutex mutex_;
  SQLite::Database database_;
};

sqlite_repository::sqlite_repository(const std::filesystem::path& file) {
  make_file(file);
  try {
    impl_ = std::make_unique<impl>(file);
  } catch (const SQLite::Exception& error) {
    throw database_error{fmt::format("cannot open the database {}: {}",
                                     file.string(), error.what())};
  }
}

sqlite_repository::~sqlite_repository() = default;

sql_rows sqlite_repository::run(std::span<const sql_statement> statements) {
  try {
    return impl_->run(statements);
  } catch (const SQLite::Exception& error) {
    throw database_error{fmt::format("the database says: {}", error.what())};
  }
}

const char* sqlite_repository::lock() const noexcept {
  return nullptr;
}

} // namespace studio
