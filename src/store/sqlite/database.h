#pragma once
// A thin layer over SQLite: errors are values, what is open is closed by a destructor, and every statement is prepared
// once and kept. It knows no table.

#include <sqlite3.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <variant>

#include "base/clock.h"
#include "base/ids.h"
#include "base/money.h"
#include "base/result.h"
#include "base/sha256.h"

namespace store::sqlite {

// Bytes that are not text.
struct Blob {
  std::string_view bytes;
};
// A value that is known only when the query is put together.
using Value = std::variant<std::int64_t, std::string, base::Uuid>;

// One run of a statement. Values are taken column by column in the order of the select list. Ends the run, and with it
// SQLite's hold on the database's state of that moment, when it goes.
class Rows {
 public:
  explicit Rows(sqlite3_stmt* statement) : statement_(statement) {}
  Rows(Rows&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)), column_(other.column_) {}
  Rows& operator=(Rows&&) = delete;
  ~Rows();

  // Moves to the next row; false: there is none.
  base::Result<bool> next();

  std::int64_t take_integer();
  std::optional<std::int64_t> take_optional_integer();
  bool take_flag() { return take_integer() != 0; }
  base::WallTime take_time() { return base::WallTime{take_integer()}; }
  base::Money take_money() { return base::Money::from_nanos(take_integer()); }
  std::string take_text();
  std::optional<std::string> take_optional_text();
  std::string take_blob();
  base::Sha256 take_digest();
  // NULL is the nil id.
  base::Uuid take_uuid();
  template <class SomeId>
  SomeId take_id() {
    return SomeId{take_uuid()};
  }

 private:
  sqlite3_stmt* statement_;
  int column_ = 0;
};

class Database {
 public:
  enum class Access : std::uint8_t { read_write, read_only };

  // Opens an existing file; read_write turns WAL on. Commits are durable against power loss (synchronous=FULL), and
  // foreign keys are enforced.
  static base::Result<Database> open(const std::filesystem::path& path, Access access);

  // Runs a statement that gives rows. The values are copied.
  template <class... Values>
  base::Result<Rows> query(std::string_view sql, const Values&... values) {
    TRY(sqlite3_stmt* const statement, prepared(sql));
    Rows rows(statement);
    int position = 0;
    int result = SQLITE_OK;
    ((result = result == SQLITE_OK ? bind(statement, ++position, values) : result), ...);
    if (result != SQLITE_OK) return failure();
    return rows;
  }
  base::Result<Rows> query_with(std::string_view sql, std::span<const Value> values);

  // Runs a statement that gives no rows; says how many it changed.
  template <class... Values>
  base::Result<std::int64_t> run(std::string_view sql, const Values&... values) {
    TRY(auto rows, query(sql, values...));
    TRY_STATUS(rows.next());
    return changes();
  }

  // Runs a script of statements that are used once.
  base::Status execute(std::string_view script);

  const std::filesystem::path& path() const { return path_; }

 private:
  friend class Transaction;
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  // Lets a string_view be looked up in a table of strings.
  struct TextHash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  using Statements = std::unordered_map<std::string, std::unique_ptr<sqlite3_stmt, Close>, TextHash, std::equal_to<>>;

  explicit Database(std::filesystem::path path) : path_(std::move(path)) {}
  base::Status configure(Access access);
  base::Result<sqlite3_stmt*> prepared(std::string_view sql);
  std::int64_t changes() const { return sqlite3_changes64(handle_.get()); }
  std::unexpected<base::Error> failure() const;

  static int bind(sqlite3_stmt* statement, int position, std::int64_t value);
  static int bind(sqlite3_stmt* statement, int position, std::string_view text);
  static int bind(sqlite3_stmt* statement, int position, Blob blob);
  static int bind(sqlite3_stmt* statement, int position, const base::Uuid& uuid);
  static int bind(sqlite3_stmt* statement, int position, const base::Sha256& digest);
  static int bind(sqlite3_stmt* statement, int position, std::nullopt_t);
  static int bind(sqlite3_stmt* statement, int position, base::WallTime time) {
    return bind(statement, position, time.ms);
  }
  static int bind(sqlite3_stmt* statement, int position, base::Money money) {
    return bind(statement, position, money.nanos());
  }
  static int bind(sqlite3_stmt* statement, int position, const std::string& text) {
    return bind(statement, position, std::string_view(text));
  }
  // A nil id is NULL.
  template <class Tag>
  static int bind(sqlite3_stmt* statement, int position, const base::Id<Tag>& id) {
    return id.is_nil() ? bind(statement, position, std::nullopt) : bind(statement, position, id.uuid);
  }
  template <class T>
  static int bind(sqlite3_stmt* statement, int position, const std::optional<T>& value) {
    return value ? bind(statement, position, *value) : bind(statement, position, std::nullopt);
  }

  std::filesystem::path path_;
  std::unique_ptr<sqlite3, Close> handle_;
  Statements statements_;  // closed before the handle
};

// What is not committed is undone when it goes.
class Transaction {
 public:
  // Takes the write lock at once, so that what is read inside is still true when it is acted on.
  static base::Result<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  // Durable against power loss when it returns.
  base::Status commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

}  // namespace store::sqlite
