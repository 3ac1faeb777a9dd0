// quota::DeferredStore on SQLite.
#include "store/sqlite/enum_text.h"
#include "store/sqlite/sqlite_store.h"

namespace store {

using quota::Deferred;
using sqlite::Rows;
using sqlite::Transaction;

namespace {

base::Result<std::optional<Deferred>> read_deferred(sqlite::Database& database, const std::string& upstream,
                                                    const std::string& object) {
  TRY(Rows rows, database.query("SELECT kind, exchange, account_id, key_id, begun, terms FROM deferred "
                                "WHERE upstream = ?1 AND object = ?2",
                                upstream, object));
  TRY(const bool found, rows.next());
  if (!found) return std::nullopt;
  Deferred work{.upstream = upstream, .object = object, .exchange = {}, .account = {}, .key = {}, .begun = {}};
  TRY(work.kind, sqlite::enum_from(rows.take_text(), quota::last_deferred_kind, "deferred.kind"));
  work.exchange = rows.take_id<base::ExchangeId>();
  work.account = rows.take_id<base::AccountId>();
  work.key = rows.take_id<base::KeyId>();
  work.begun = rows.take_time();
  work.terms = rows.take_text();
  return std::optional(std::move(work));
}

}  // namespace

base::Status SqliteStore::keep_deferred(const Deferred& work) {
  const std::lock_guard lock(writer_mutex_);
  TRY(auto transaction, Transaction::begin(writer_));
  TRY_STATUS(check_incarnation());
  TRY(const auto known, read_deferred(writer_, work.upstream, work.object));
  if (known) return quota::check_same_work(*known, work);
  TRY_STATUS(
      writer_.run("DELETE FROM deferred WHERE rowid IN (SELECT rowid FROM deferred AS old WHERE begun < ?1 AND NOT "
                  "EXISTS (SELECT 1 FROM unresolved WHERE id = old.exchange AND verdict IS NULL) "
                  "ORDER BY begun LIMIT ?2)",
                  base::WallTime{work.begun.ms - quota::deferred_kept_ms}, quota::forgotten_with_a_deferred));
  TRY_STATUS(
      writer_.run("INSERT INTO deferred (upstream, object, kind, exchange, account_id, key_id, begun, terms) "
                  "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                  work.upstream, work.object, quota::to_string(work.kind), work.exchange, work.account, work.key,
                  work.begun, work.terms));
  return transaction.commit();
}

base::Result<std::optional<Deferred>> SqliteStore::find_deferred(const quota::DeferredQuestion& question) {
  const std::lock_guard lock(writer_mutex_);
  for (const std::string& upstream : question.upstreams) {
    TRY(auto work, read_deferred(writer_, upstream, question.object));
    if (work && work->account == question.account) return work;
  }
  return std::nullopt;
}

base::Status SqliteStore::forget_deferred(std::string_view upstream, std::string_view object) {
  const std::lock_guard lock(writer_mutex_);
  TRY_STATUS(writer_.run("DELETE FROM deferred WHERE upstream = ?1 AND object = ?2", upstream, object));
  return {};
}

}  // namespace store
