#include "database/sql_repository.hpp"

#include <charconv>
#include <chrono>
#include <map>

#include <fmt/format.h>

namespace studio {

namespace {

constexpr auto longest_attempt = std::chrono::hours{24};

/// Of the tables. A studio with other ones has to count on.
constexpr std::int64_t schema_version = 1;

constexpr const char* version_table =
  "CREATE TABLE IF NOT EXISTS studio_schema (version BIGINT NOT NULL)";

constexpr const char* set_version =
  "INSERT INTO studio_schema (version) SELECT $1"
  " WHERE NOT EXISTS (SELECT 1 FROM studio_schema)";

constexpr const char* get_version = "SELECT version FROM studio_schema";

/// SQLite takes the name of any type; what is stored is what is given.
constexpr const char* schema[] = {
  "CREATE TABLE IF NOT EXISTS studio_videos ("
  "  id TEXT PRIMARY KEY,"
  "  attempt BIGINT NOT NULL,"
  "  state TEXT NOT NULL CHECK (state IN ('working', 'done')),"
  "  name TEXT NOT NULL,"
  "  size BIGINT NOT NULL,"
  "  created_ms BIGINT NOT NULL,"
  "  codec TEXT NOT NULL DEFAULT '',"
  "  width BIGINT NOT NULL DEFAULT 0,"
  "  height BIGINT NOT NULL DEFAULT 0,"
  "  duration_ms BIGINT NOT NULL DEFAULT 0)",
  "CREATE INDEX IF NOT EXISTS studio_videos_by_age"
  "  ON studio_videos (state, created_ms)",
  "CREATE TABLE IF NOT EXISTS studio_thumbnails ("
  "  video TEXT NOT NULL REFERENCES studio_videos (id) ON DELETE CASCADE,"
  "  n BIGINT NOT NULL,"
  "  time_ms BIGINT NOT NULL,"
  "  jpeg BYTEA NOT NULL,"
  "  PRIMARY KEY (video, n))",
};

constexpr const char* remove_abandoned =
  "DELETE FROM studio_videos WHERE state = 'working' AND created_ms < $1";

constexpr const char* begin_video =
  "INSERT INTO studio_videos (id, attempt, state, name, size, created_ms)"
  " VALUES ($1, $2, 'working', $3, $4, $5)"
  " ON CONFLICT (id) DO UPDATE SET attempt = excluded.attempt,"
  "  state = 'working', name = excluded.name, size = excluded.size,"
  "  created_ms = excluded.created_ms, codec = '', width = 0, height = 0,"
  "  duration_ms = 0"
  " WHERE studio_videos.attempt <= excluded.attempt";

constexpr const char* remove_thumbnails =
  "DELETE FROM studio_thumbnails WHERE video = $1 AND EXISTS"
  " (SELECT 1 FROM studio_videos WHERE id = $1 AND attempt = $2)";

constexpr const char* add_thumbnail =
  "INSERT INTO studio_thumbnails (video, n, time_ms, jpeg)"
  " SELECT id, $1, $2, $3 FROM studio_videos WHERE id = $4 AND attempt = $5"
  " ON CONFLICT (video, n) DO UPDATE SET time_ms = excluded.time_ms,"
  "  jpeg = excluded.jpeg";

constexpr const char* finish_video =
  "UPDATE studio_videos SET state = 'done', codec = $1, width = $2,"
  " height = $3, duration_ms = $4 WHERE id = $5 AND attempt = $6";

constexpr const char* latest_videos =
  "SELECT id, name, size, created_ms, codec, width, height, duration_ms"
  " FROM studio_videos WHERE state = 'done'"
  " ORDER BY created_ms DESC, id LIMIT $1";

constexpr const char* times_of_latest =
  "SELECT video, time_ms FROM studio_thumbnails WHERE video IN"
  " (SELECT id FROM studio_videos WHERE state = 'done'"
  "  ORDER BY created_ms DESC, id LIMIT $1) ORDER BY video, n";

constexpr const char* one_jpeg =
  "SELECT jpeg FROM studio_thumbnails WHERE video = $1 AND n = $2";

constexpr const char* remove_video = "DELETE FROM studio_videos WHERE id = $1";

std::int64_t now_in_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
           std::chrono::system_clock::now().time_since_epoch())
    .count();
}

template <class T>
T number_in(const std::string& text) {
  T result = 0;
  std::from_chars(text.data(), text.data() + text.size(), result);
  return result;
}

stored_video video_in(const std::vector<std::string>& row) {
  return {
    row[0],
    {row[1], number_in<std::uint64_t>(row[2]), number_in<std::int64_t>(row[3])},
    {row[4], number_in<std::uint32_t>(row[5]), number_in<std::uint32_t>(row[6]),
     number_in<std::int64_t>(row[7])},
    {}};
}

/// Sizes are bounded by far less.
std::int64_t as_number(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

} // namespace

void sql_repository::open() {
  check_version();
  auto statements = locked();
  for (auto* each : schema)
    statements.push_back({each});
  auto earliest =
    now_in_ms() - std::chrono::milliseconds{longest_attempt}.count();
  statements.push_back({remove_abandoned, {earliest}});
  run(statements);
}

/// Before anything is changed in tables that may be others.
void sql_repository::check_version() {
  auto statements = locked();
  statements.push_back({version_table});
  statements.push_back({set_version, {schema_version}});
  statements.push_back({get_version});
  auto version = number_in<std::int64_t>(run(statements).at(0).at(0));
  if (version != schema_version)
    throw database_error{
      fmt::format("the database is of another studio: its tables have version "
                  "{}, and those of this one {}",
                  version, schema_version)};
}

/// The beginning of a transaction that no other one runs beside.
std::vector<sql_statement> sql_repository::locked() const {
  if (auto* first = lock())
    return {{first}};
  return {};
}

void sql_repository::begin(const video_attempt& by, const video_title& what) {
  auto number = std::int64_t{by.number};
  sql_statement statements[] = {
    {begin_video,
     {by.video, number, what.name, as_number(what.size), what.created_ms}},
    {remove_thumbnails, {by.video, number}}};
  run(statements);
}

void sql_repository::add(const video_attempt& by, const thumbnail& what) {
  run_one({add_thumbnail,
           {std::int64_t{what.index}, what.time_ms, what.jpeg, by.video,
            std::int64_t{by.number}}});
}

void sql_repository::finish(const video_attempt& by, const video_facts& what) {
  run_one({finish_video,
           {what.codec, std::int64_t{what.width}, std::int64_t{what.height},
            what.duration_ms, by.video, std::int64_t{by.number}}});
}

std::vector<stored_video> sql_repository::latest(std::size_t most) {
  auto limit = as_number(most);
  std::map<std::string, std::vector<std::int64_t>> times;
  for (auto& row : run_one({times_of_latest, {limit}}))
    times[row[0]].push_back(number_in<std::int64_t>(row[1]));
  std::vector<stored_video> result;
  for (auto& row : run_one({latest_videos, {limit}})) {
    result.push_back(video_in(row));
    result.back().times = std::move(times[row[0]]);
  }
  return result;
}

std::optional<std::string> sql_repository::jpeg(const std::string& video,
                                                std::uint32_t index) {
  auto rows = run_one({one_jpeg, {video, std::int64_t{index}}});
  if (rows.empty())
    return std::nullopt;
  return std::move(rows.front().front());
}

void sql_repository::remove(const std::string& video) {
  run_one({remove_video, {video}});
}

sql_rows sql_repository::run_one(sql_statement what) {
  return run(std::span{&what, 1});
}

} // namespace studio
