#pragma once
// A thin layer over SQLite: errors are values, what is open is closed by a destructor, and every statement is prepared
// once and kept. It knows no table.

#include <sqlite3.h>

#include <bit>
#include <cstring>
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
#include "base/window.h"

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
  base::WindowLabel take_label() { return base::WindowLabel{take_integer()}; }
  base::Money take_money() { return base::Money::from_nanos(take_integer()); }
  std::string take_text() { return std::string(borrow_text()); }
  std::optional<std::string> take_optional_text();
  std::string take_blob() { return std::string(borrow_blob()); }
  // The same without a copy: for as long as this row is the current one.
  std::string_view borrow_text();
  std::string_view borrow_blob();
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

// Whether a value stays where it is until the run is over.
enum class Lifetime : std::uint8_t { copied, borrowed };

// Gives a statement its values, one after the other.
class Binder {
 public:
  Binder(sqlite3_stmt* statement, Lifetime lifetime)
      : statement_(statement), keep_(lifetime == Lifetime::borrowed ? SQLITE_STATIC : SQLITE_TRANSIENT) {}
  // Of the first value that SQLite did not take.
  int result() const { return result_; }

  void bind(std::int64_t value) { note(sqlite3_bind_int64(statement_, next(), value)); }
  void bind(std::string_view text) {
    // An empty view may point nowhere, and SQLite takes that for NULL.
    note(sqlite3_bind_text64(statement_, next(), text.empty() ? "" : text.data(), text.size(), keep_, SQLITE_UTF8));
  }
  void bind(Blob blob) {
    note(
        sqlite3_bind_blob64(statement_, next(), blob.bytes.empty() ? "" : blob.bytes.data(), blob.bytes.size(), keep_));
  }
  void bind(const base::Uuid& uuid) { bind_bytes(uuid.bytes); }
  void bind(const base::Sha256& digest) { bind_bytes(digest); }
  void bind(std::nullopt_t) { note(sqlite3_bind_null(statement_, next())); }
  void bind(base::WallTime time) { bind(time.ms); }
  void bind(base::WindowLabel label) { bind(label.ms); }
  void bind(base::Money money) { bind(money.nanos()); }
  void bind(const std::string& text) { bind(std::string_view(text)); }
  void bind(const char* text) { bind(std::string_view(text)); }
  // A nil id is NULL.
  template <class Tag>
  void bind(const base::Id<Tag>& id) {
    id.is_nil() ? bind(std::nullopt) : bind(id.uuid);
  }
  template <class T>
  void bind(const std::optional<T>& value) {
    value ? bind(*value) : bind(std::nullopt);
  }

 private:
  int next() { return ++position_; }
  void note(int result) { result_ = result_ == SQLITE_OK ? result : result_; }
  template <class Bytes>
  void bind_bytes(const Bytes& bytes) {
    note(sqlite3_bind_blob64(statement_, next(), bytes.data(), bytes.size(), keep_));
  }

  sqlite3_stmt* statement_;
  sqlite3_destructor_type keep_;
  int position_ = 0;
  int result_ = SQLITE_OK;
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
    return start(sql, Lifetime::copied, values...);
  }
  base::Result<Rows> query_with(std::string_view sql, std::span<const Value> values);

  // Runs a statement that gives no rows; says how many it changed. Nothing is copied: the run is over when it returns.
  template <class... Values>
  base::Result<std::int64_t> run(std::string_view sql, const Values&... values) {
    TRY(auto rows, start(sql, Lifetime::borrowed, values...));
    TRY_STATUS(rows.next());
    return changes();
  }
  // The same for a statement of many rows: ?1 is `shared`, and each row takes one more of `each`.
  base::Result<std::int64_t> run_over(std::string_view sql, std::int64_t shared,
                                      std::span<const base::Uuid* const> each);

  // Runs a script of statements that are used once.
  base::Status execute(std::string_view script);

  // Called by SQLite within each commit with the pages that the write-ahead log then has; nullptr ends it. Nothing else
  // looks after the log from here on.
  using AfterCommit = int (*)(void* context, sqlite3*, const char* schema, int log_pages);
  void after_commit(AfterCommit call, void* context) { sqlite3_wal_hook(handle_.get(), call, context); }

  const std::filesystem::path& path() const { return path_; }

 private:
  friend class Transaction;
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  // Lets a string_view be looked up in a table of strings. Statements of the same length that end alike are few, and a
  // hash over all of a long statement costs as much as a short run of it.
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view sql) const {
      std::uint64_t end[2] = {};
      if (sql.size() >= sizeof end) std::memcpy(end, sql.data() + sql.size() - sizeof end, sizeof end);
      return sql.size() + (end[0] ^ std::rotl(end[1], 17)) * 0x9E37'79B9'7F4A'7C15;
    }
  };
  using Statements = std::unordered_map<std::string, std::unique_ptr<sqlite3_stmt, Close>, TextHash, std::equal_to<>>;

  explicit Database(std::filesystem::path path) : path_(std::move(path)) {}
  base::Status configure(Access access);
  base::Result<sqlite3_stmt*> prepared(std::string_view sql);
  std::int64_t changes() const { return sqlite3_changes64(handle_.get()); }
  std::unexpected<base::Error> failure() const;

  template <class... Values>
  base::Result<Rows> start(std::string_view sql, Lifetime lifetime, const Values&... values) {
    TRY(sqlite3_stmt* const statement, prepared(sql));
    Rows rows(statement);
    Binder binder(statement, lifetime);
    (binder.bind(values), ...);
    if (binder.result() != SQLITE_OK) return failure();
    return rows;
  }

  std::filesystem::path path_;
  std::unique_ptr<sqlite3, Close> handle_;
  Statements statements_;  // closed before the handle
};

// What is read while it lives is of one moment, whatever is committed meanwhile.
class Snapshot {
 public:
  static base::Result<Snapshot> begin(Database& database);
  Snapshot(Snapshot&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Snapshot& operator=(Snapshot&&) = delete;
  ~Snapshot();

 private:
  explicit Snapshot(Database& database) : database_(&database) {}
  Database* database_;
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
