// quota::DeferredStore on SQLite.
#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "store/sqlite/enum_text.h"
#include "store/sqlite/sqlite_store.h"

namespace store {

using quota::Deferred;
using quota::DeferredKind;
using quota::DeferredListing;
using sqlite::Rows;
using sqlite::Transaction;

namespace {

base::Result<Deferred> take_deferred(Rows& rows) {
  Deferred work{.upstream = rows.take_text(), .object = {}, .exchange = {}, .account = {}, .key = {}, .begun = {}};
  work.object = rows.take_text();
  TRY(work.kind, sqlite::enum_from(rows.take_text(), quota::last_deferred_kind, "deferred.kind"));
  work.exchange = rows.take_id<base::ExchangeId>();
  work.account = rows.take_id<base::AccountId>();
  work.key = rows.take_id<base::KeyId>();
  work.begun = rows.take_time();
  work.terms = rows.take_text();
  return work;
}

base::Result<std::optional<Deferred>> read_deferred(sqlite::Database& database, const std::string& upstream,
                                                    const std::string& object) {
  TRY(Rows rows, database.query("SELECT upstream, object, kind, exchange, account_id, key_id, begun, terms "
                                "FROM deferred WHERE upstream = ?1 AND object = ?2",
                                upstream, object));
  TRY(const bool found, rows.next());
  if (!found) return std::nullopt;
  TRY(auto work, take_deferred(rows));
  return std::optional(std::move(work));
}

// Where a page begins: behind this place.
struct Place {
  base::WallTime begun;
  std::string object;
  std::string upstream;
};
base::Result<Place> place_before(sqlite::Database& database, const DeferredListing& listing) {
  constexpr auto earliest = std::numeric_limits<std::int64_t>::min();
  constexpr auto latest = std::numeric_limits<std::int64_t>::max();
  const bool newest_first = listing.order == DeferredListing::Order::newest_first;
  if (!listing.after) return Place{base::WallTime{newest_first ? latest : earliest}, {}, {}};
  for (const std::string& upstream : listing.upstreams) {
    TRY(const auto work, read_deferred(database, upstream, *listing.after));
    if (work && work->account == listing.account) return Place{work->begun, work->object, work->upstream};
  }
  return quota::nothing_to_list_after(listing);
}

constexpr const char* newest_first_sql =
    "SELECT upstream, object, kind, exchange, account_id, key_id, begun, terms FROM deferred "
    "WHERE account_id = ?1 AND kind IN (?2, ?3, ?4) AND (begun, object, upstream) < (?5, ?6, ?7) "
    "ORDER BY begun DESC, object DESC, upstream DESC";
constexpr const char* oldest_first_sql =
    "SELECT upstream, object, kind, exchange, account_id, key_id, begun, terms FROM deferred "
    "WHERE account_id = ?1 AND kind IN (?2, ?3, ?4) AND (begun, object, upstream) > (?5, ?6, ?7) "
    "ORDER BY begun, object, upstream";

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
    if (work && work->account == question.account && work->kind != DeferredKind::deleted) return work;
  }
  return std::nullopt;
}

base::Result<std::vector<Deferred>> SqliteStore::list_deferred(const DeferredListing& listing) {
  ASSERT(!listing.kinds.empty() && listing.kinds.size() <= 3);
  const auto kind = [&](std::size_t i) {
    return quota::to_string(listing.kinds[std::min(i, listing.kinds.size() - 1)]);
  };
  const std::lock_guard lock(writer_mutex_);
  TRY(const Place place, place_before(writer_, listing));
  const bool newest_first = listing.order == DeferredListing::Order::newest_first;
  TRY(Rows rows, writer_.query(newest_first ? newest_first_sql : oldest_first_sql, listing.account, kind(0), kind(1),
                               kind(2), place.begun, place.object, place.upstream));
  std::vector<Deferred> out;
  while (out.size() < listing.limit) {
    TRY(const bool found, rows.next());
    if (!found) break;
    TRY(auto work, take_deferred(rows));
    if (std::ranges::find(listing.upstreams, work.upstream) != listing.upstreams.end()) out.push_back(std::move(work));
  }
  return out;
}

base::Status SqliteStore::forget_deferred(std::string_view upstream, std::string_view object) {
  const std::lock_guard lock(writer_mutex_);
  TRY_STATUS(writer_.run("UPDATE deferred SET kind = ?3, terms = '' WHERE upstream = ?1 AND object = ?2", upstream,
                         object, quota::to_string(DeferredKind::deleted)));
  return {};
}

}  // namespace store
