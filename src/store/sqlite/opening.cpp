// A limit comes into force, on SQLite.
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

base::Status SqliteStore::look_ahead(const catalog::Limit& limit, base::WallTime now) {
  TRY(Database database, Database::open(writer_.path(), Database::Access::read_only));
  TRY(OpeningScan scan, OpeningScan::begin(database, limit, now));
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

base::Status SqliteStore::open(const catalog::Limit& limit, base::WallTime now) {
  const std::lock_guard lock(writer_mutex_);
  auto ahead = std::exchange(ahead_, std::nullopt);
  TRY(auto transaction, sqlite::Transaction::begin(writer_));
  if (incarnation_ > 0) TRY_STATUS(check_incarnation());  // 0: a command has the folder, and its lock
  {
    TRY(Rows rows, writer_.query("SELECT 1 FROM limits WHERE id = ? AND removed_at IS NULL", limit.id));
    TRY(const bool found, rows.next());
    if (found)
      return base::fail(base::ErrorType::conflict, fmt::format("limit {} is in force already", limit.id.to_string()),
                        {}, base::Source::store);
  }
  TRY(OpeningScan scan, OpeningScan::begin(writer_, limit, now));
  if (ahead && ahead->fits(scan.opening().counter())) scan = std::move(*ahead);
  TRY_STATUS(scan.finish(writer_));
  const Opening& opening = scan.opening();
  TRY(const KeptSpend kept, kept_spend(limit, opening.counter()));
  TRY_STATUS(write(limit));
  TRY(const std::uint64_t commits, stored_commits());
  const auto record = opening.record(kept, opening_id(opening.counter(), commits, now), now);
  std::vector<events::LimitEvent> crossings;
  sqlite::UsageAppend usage(writer_, usage_sizes_, std::exchange(usage_tail_, std::nullopt));
  if (record) {
    TRY(const auto fresh, usage.claim(events::pointers_to(std::span(&*record, 1))));
    ASSERT(fresh.size() == 1);
    sqlite::Bookings bookings(writer_, incarnation_, {});
    for (const events::Hold& hold : record->holds) TRY_STATUS(bookings.book(hold));
    TRY_STATUS(bookings.write());
    TRY_STATUS(usage.write(fresh));
    for (const auto& [item, hold] : opening.carried()) TRY_STATUS(sqlite::add_hold(writer_, item, hold));
    TRY(crossings, cross_thresholds_of(fresh, now));
  }
  TRY_STATUS(count_commit());
  TRY_STATUS(transaction.commit());
  ++commits_;
  usage_tail_ = std::move(usage).written();
  count(crossings);
  return {};
}

}  // namespace store
