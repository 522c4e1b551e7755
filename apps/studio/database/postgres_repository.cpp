#include "database/postgres_repository.hpp"

#include <map>
#include <mutex>
#include <optional>

#include <fmt/format.h>
#include <libpq-fe.h>
#include <pqxx/pqxx>

namespace studio {

namespace {

/// What is set where the URL says nothing of it: nobody waits for ever for a
/// server that is not there.
constexpr std::pair<const char*, const char*> defaults[] = {
  {"application_name", "studio"},
  {"connect_timeout", "5"},
  {"tcp_user_timeout", "10000"},
};

constexpr const char* session =
  "SET client_min_messages = warning; SET statement_timeout = 10000;"
  " SET bytea_output = hex";

/// Of the type `bytea`.
constexpr pqxx::oid oid_of_bytes = 17;

/// A value in a connection string.
std::string conninfo_value(std::string_view value) {
  std::string result{"'"};
  for (auto c : value) {
    if (c == '\'' || c == '\\')
      result += '\\';
    result += c;
  }
  return result + '\'';
}

struct connect_options {
  std::string text;
  std::string password;
};

connect_options read_url(const std::string& url) {
  char* problem = nullptr;
  std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parts{
    PQconninfoParse(url.c_str(), &problem), PQconninfoFree};
  // What it says may have the password in it.
  PQfreemem(problem);
  if (!parts)
    throw database_error{
      "this is no URL of a PostgreSQL database; one is "
      "postgresql://host/database, with %40 and the like for characters "
      "that mean something in it"};
  std::map<std::string, std::string> values;
  for (auto* each = parts.get(); each->keyword; ++each)
    if (each->val)
      values[each->keyword] = each->val;
  connect_options result;
  if (auto i = values.find("password"); i != values.end())
    result.password = i->second;
  for (auto& [name, value] : defaults)
    values.try_emplace(name, value);
  for (auto& [name, value] : values)
    result.text += fmt::format("{}={} ", name, conninfo_value(value));
  return result;
}

struct to_text {
  std::string operator()(std::int64_t value) const {
    return std::to_string(value);
  }

  std::string operator()(const std::string& value) const {
    return value;
  }

  std::string operator()(const std::vector<char>& value) const {
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string result{"\\x"};
    result.reserve(2 + 2 * value.size());
    for (auto c : value) {
      auto byte = static_cast<unsigned char>(c);
      result += digits[byte >> 4];
      result += digits[byte & 15];
    }
    return result;
  }
};

std::string value_of(const pqxx::field& from) {
  if (from.type() == oid_of_bytes)
    return pqxx::binarystring{from}.str();
  return from.as<std::string>();
}

sql_rows answer_to(pqxx::work& in, const sql_statement& what) {
  std::vector<std::string> parameters;
  for (auto& each : what.parameters)
    parameters.push_back(std::visit(to_text{}, each));
  sql_rows result;
  for (auto row : in.exec_params(
         what.text, pqxx::prepare::make_dynamic_params(parameters))) {
    auto& values = result.emplace_back();
    for (auto field : row)
      values.push_back(value_of(field));
  }
  return result;
}

} // namespace

class postgres_repository::impl {
public:
  explicit impl(const std::string& url) : options_(read_url(url)) {
    // nop
  }

  sql_rows run(std::span<const sql_statement> statements) {
    std::lock_guard guard{mutex_};
    auto is_old = connection_.has_value();
    try {
      return run_once(statements);
    } catch (const std::exception&) {
      // The server may have been away since the last time.
      auto is_lost = !connection_ || !connection_->is_open();
      if (is_lost)
        connection_.reset();
      if (!is_old || !is_lost)
        throw;
    }
    return run_once(statements);
  }

  /// What went wrong, without the password.
  std::string describe(const std::exception& error) const {
    std::string text{error.what()};
    auto& secret = options_.password;
    for (std::size_t at = 0;
         !secret.empty()
         && (at = text.find(secret, at)) != std::string_view::npos;)
      text.replace(at, secret.size(), "***");
    while (!text.empty() && text.back() == '\n')
      text.pop_back();
    return text;
  }

private:
  sql_rows run_once(std::span<const sql_statement> statements) {
    if (!connection_)
      connect();
    pqxx::work transaction{*connection_};
    sql_rows result;
    for (auto& each : statements)
      result = answer_to(transaction, each);
    transaction.commit();
    return result;
  }

  void connect() {
    connection_.emplace(options_.text);
    try {
      pqxx::nontransaction{*connection_}.exec(session);
    } catch (...) {
      connection_.reset();
      throw;
    }
  }

  connect_options options_;
  std::mutex mutex_;
  std::optional<pqxx::connection> connection_;
};

postgres_repository::postgres_repository(const std::string& url)
  : impl_(std::make_unique<impl>(url)) {
  // nop
}

postgres_repository::~postgres_repository() = default;

sql_rows postgres_repository::run(std::span<const sql_statement> statements) {
  try {
    return impl_->run(statements);
  } catch (const std::exception& error) {
    throw database_error{
      fmt::format("the database says: {}", impl_->describe(error))};
  }
}

/// Two that begin at the same time would both make the tables.
const char* postgres_repository::lock() const noexcept {
  return "SELECT pg_advisory_xact_lock(7283551)";
}

std::shared_ptr<repository> shared_postgres(const std::string& url) {
  static std::mutex mutex;
  static std::map<std::string, std::shared_ptr<postgres_repository>> known;
  std::lock_guard guard{mutex};
  auto& result = known[url];
  if (!result)
    result = std::make_shared<postgres_repository>(url);
  return result;
}

} // namespace studio
