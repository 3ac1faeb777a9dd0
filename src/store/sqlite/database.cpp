#include "store/sqlite/database.h"

#include <fmt/format.h>

#include <cstring>

#include "base/assert.h"

namespace store::sqlite {
namespace {

// Who else may write is kept out by the lock on the data folder; this is for a person with a shell on the file.
constexpr int busy_timeout_ms = 2'000;

std::unexpected<base::Error> failure_of(sqlite3* handle) {
  const int code = handle == nullptr ? SQLITE_NOMEM : sqlite3_extended_errcode(handle);
  const bool constraint = (code & 0xFF) == SQLITE_CONSTRAINT;
  const char* const file = handle == nullptr ? nullptr : sqlite3_db_filename(handle, "main");
  return base::fail(constraint ? base::ErrorType::conflict : base::ErrorType::unavailable,
                    fmt::format("{}: {} (SQLite {})", file == nullptr ? "database" : file,
                                handle == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(handle), code),
                    {}, base::Source::store);
}

}  // namespace

Rows::~Rows() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

base::Result<bool> Rows::next() {
  column_ = 0;
  const int result = sqlite3_step(statement_);
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  return failure_of(sqlite3_db_handle(statement_));
}

std::int64_t Rows::take_integer() {
  ASSERT(column_ < sqlite3_data_count(statement_));
  return sqlite3_column_int64(statement_, column_++);
}

std::optional<std::int64_t> Rows::take_optional_integer() {
  const bool absent = sqlite3_column_type(statement_, column_) == SQLITE_NULL;
  const std::int64_t value = take_integer();
  return absent ? std::nullopt : std::optional(value);
}

std::string_view Rows::borrow_text() {
  ASSERT(column_ < sqlite3_data_count(statement_));
  const auto* const text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column_));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column_++));
  return text == nullptr ? std::string_view() : std::string_view(text, size);
}

std::optional<std::string> Rows::take_optional_text() {
  const bool absent = sqlite3_column_type(statement_, column_) == SQLITE_NULL;
  std::string text = take_text();
  return absent ? std::nullopt : std::optional(std::move(text));
}

std::string_view Rows::borrow_blob() {
  ASSERT(column_ < sqlite3_data_count(statement_));
  const auto* const bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column_));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column_++));
  return bytes == nullptr ? std::string_view() : std::string_view(bytes, size);
}

// The schema checks the sizes on the way in: a file that holds others was tampered with, and nothing in it can be
// trusted.
base::Sha256 Rows::take_digest() {
  const std::string_view bytes = borrow_blob();
  base::Sha256 digest{};
  ASSERT(bytes.size() == digest.size());
  std::memcpy(digest.data(), bytes.data(), digest.size());
  return digest;
}

base::Uuid Rows::take_uuid() {
  const std::string_view bytes = borrow_blob();
  base::Uuid uuid;
  if (bytes.empty()) return uuid;
  ASSERT(bytes.size() == uuid.bytes.size());
  std::memcpy(uuid.bytes.data(), bytes.data(), uuid.bytes.size());
  return uuid;
}

base::Result<Database> Database::open(const std::filesystem::path& path, Access access) {
  Database database(path);
  sqlite3* handle = nullptr;
  // No mutex of SQLite's own: SqliteStore guards each connection.
  const int flags = (access == Access::read_write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) | SQLITE_OPEN_NOMUTEX;
  const int result = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  database.handle_.reset(handle);
  if (result != SQLITE_OK) return failure_of(handle);
  TRY_STATUS(database.configure(access));
  return database;
}

base::Status Database::configure(Access access) {
  sqlite3_extended_result_codes(handle_.get(), 1);
  sqlite3_busy_timeout(handle_.get(), busy_timeout_ms);
  TRY_STATUS(execute(
      "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF; PRAGMA cache_size = -256"));
  if (access == Access::read_only) return {};
  TRY(auto rows, query("PRAGMA journal_mode = WAL"));
  TRY_STATUS(rows.next());
  // SQLite answers with the mode that is, not an error, where the file system has no shared memory.
  if (const std::string mode = rows.take_text(); mode != "wal")
    return base::fail(base::ErrorType::unavailable,
                      fmt::format("{}: the file system cannot keep a write-ahead log (journal mode {}); put the data "
                                  "folder on a local disk",
                                  path_.string(), mode),
                      {}, base::Source::store);
  return {};
}

base::Result<Rows> Database::query_with(std::string_view sql, std::span<const Value> values) {
  TRY(sqlite3_stmt* const statement, prepared(sql));
  Rows rows(statement);
  Binder binder(statement, Lifetime::copied);
  for (const Value& value : values) std::visit([&](const auto& known) { binder.bind(known); }, value);
  if (binder.result() != SQLITE_OK) return failure();
  return rows;
}

base::Result<std::int64_t> Database::run_over(std::string_view sql, std::int64_t shared,
                                              std::span<const base::Uuid* const> each) {
  TRY(sqlite3_stmt* const statement, prepared(sql));
  Rows rows(statement);
  Binder binder(statement, Lifetime::borrowed);
  binder.bind(shared);
  for (const base::Uuid* const uuid : each) binder.bind(*uuid);
  if (binder.result() != SQLITE_OK) return failure();
  TRY_STATUS(rows.next());
  return changes();
}

base::Status Database::execute(std::string_view script) {
  if (sqlite3_exec(handle_.get(), std::string(script).c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    return failure();
  return {};
}

base::Result<sqlite3_stmt*> Database::prepared(std::string_view sql) {
  auto known = statements_.find(sql);
  if (known == statements_.end()) {
    sqlite3_stmt* statement = nullptr;
    const int result = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                          SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (result != SQLITE_OK) return failure();
    known = statements_.emplace(sql, statement).first;
  }
  // A statement has one run at a time: a second one would cut the first short.
  ASSERT(sqlite3_stmt_busy(known->second.get()) == 0);
  return known->second.get();
}

std::unexpected<base::Error> Database::failure() const { return failure_of(handle_.get()); }

base::Result<Snapshot> Snapshot::begin(Database& database) {
  TRY_STATUS(database.run("BEGIN"));
  return Snapshot(database);
}

Snapshot::~Snapshot() {
  if (database_ != nullptr) (void)database_->run("ROLLBACK");  // nothing was written
}

base::Result<Transaction> Transaction::begin(Database& database) {
  TRY_STATUS(database.run("BEGIN IMMEDIATE"));
  return Transaction(database);
}

Transaction::~Transaction() {
  if (database_ == nullptr) return;
  // A full disk may have rolled it back already.
  if (sqlite3_get_autocommit(database_->handle_.get()) == 0) (void)database_->run("ROLLBACK");
}

base::Status Transaction::commit() {
  ASSERT(database_ != nullptr);
  TRY_STATUS(database_->run("COMMIT"));
  database_ = nullptr;
  return {};
}

}  // namespace store::sqlite
