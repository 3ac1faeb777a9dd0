// Limits come into force, on SQLite.
#include <fmt/format.h>

#include <utility>

#include "base/assert.h"
#include "store/sqlite/bookings.h"
#include "store/sqlite/sqlite_store.h"
#include "store/sqlite/unresolved.h"
#include "store/sqlite/usage_append.h"

namespace store {

using sqlite::Database;
using sqlite::OpeningScan;
using sqlite::Rows;

base::Status SqliteStore::look_ahead(const catalog::Changes& changes, base::WallTime now) {
  TRY(Database database, Database::open(writer_.path(), Database::Access::read_only));
  TRY(OpeningScan scan, OpeningScan::begin(database, changes, now));
  TRY(const std::int64_t last, sqlite::last_full_segment(database));
  TRY_STATUS(scan.read_on(database, last));
  const std::lock_guard lock(writer_mutex_);
  ahead_ = std::move(scan);
  return {};
}

base::Result<KeptSpend> SqliteStore::kept_spend(const catalog::Limit& limit, const quota::CounterKey& counter) {
  const bool rolling = limit.window.kind == base::WindowPolicy::Kind::rolling;
  TRY(Rows rows,
      writer_.query(rolling ? std::string_view("SELECT label, spent FROM sub_windows WHERE limit_id = ?1 AND ?2 = ?2")
                            : std::string_view("SELECT label, spent FROM counters WHERE limit_id = ?1 AND label = ?2"),
                    counter.limit, counter.label));
  KeptSpend kept;
  for (;;) {
    TRY(const bool found, rows.next());
    if (!found) return kept;
    const base::WindowLabel label = rows.take_label();
    kept[label] = rows.take_integer();
  }
}

base::Result<SqliteStore::Opened> SqliteStore::open_all(const catalog::Changes& changes, base::WallTime now) {
  const std::vector<catalog::Limit>& limits = changes.opened;
  auto ahead = std::exchange(ahead_, std::nullopt);
  for (const catalog::Limit& limit : limits) {
    TRY(Rows rows, writer_.query("SELECT 1 FROM limits WHERE id = ? AND removed_at IS NULL", limit.id));
    TRY(const bool found, rows.next());
    if (found)
      return base::fail(base::ErrorType::conflict, fmt::format("limit {} is in force already", limit.id.to_string()),
                        {}, base::Source::store);
  }
  TRY(OpeningScan scan, OpeningScan::begin(writer_, changes, now));
  if (ahead && ahead->fits(scan)) scan = std::move(*ahead);
  TRY_STATUS(scan.finish(writer_));
  TRY(const std::uint64_t commits, stored_commits());
  std::vector<events::UsageRecord> records;
  std::vector<quota::CounterKey> counters;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    const Opening& opening = scan.openings()[i];
    TRY(const KeptSpend kept, kept_spend(limits[i], opening.counter()));
    TRY_STATUS(write(limits[i]));
    auto record = opening.record(kept, opening_id(opening.counter(), commits, now), now);
    if (record) records.push_back(std::move(*record));
    counters.push_back(opening.counter());
  }
  Opened opened;
  sqlite::UsageAppend usage(writer_, usage_sizes_, std::exchange(usage_tail_, std::nullopt));
  if (!records.empty()) {
    TRY(const auto fresh, usage.claim(events::pointers_to(records)));
    ASSERT(fresh.size() == records.size());
    sqlite::Bookings bookings(writer_, incarnation_, {});
    for (const events::UsageRecord& record : records)
      for (const events::Hold& hold : record.holds) TRY_STATUS(bookings.book(hold));
    TRY_STATUS(bookings.write());
    TRY_STATUS(usage.write(fresh));
    for (const Opening& opening : scan.openings())
      for (const auto& [item, hold] : opening.carried()) TRY_STATUS(sqlite::add_hold(writer_, item, hold));
  }
  // What its exchanges have spent before it was in force stands on a limit's counter already.
  TRY(opened.crossings, cross_thresholds_of(events::pointers_to(records), now, counters));
  TRY_STATUS(count_commit());
  opened.usage_tail = std::move(usage).written();
  return opened;
}

}  // namespace store
