// quota::UnresolvedStore on SQLite.
#include "store/sqlite/unresolved.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "store/sqlite/bookings.h"
#include "store/sqlite/sqlite_store.h"
#include "store/sqlite/usage_append.h"
#include "store/sqlite/usage_segment.h"

namespace store {
namespace sqlite {
namespace {

std::string packed(const events::UsageRecord& record) {
  SegmentWriter segment;
  segment.add(record);
  return segment.bytes();
}

constexpr quota::Verdict verdicts[] = {quota::Verdict::settled, quota::Verdict::released, quota::Verdict::timed_out};

base::Result<events::UsageRecord> unpacked(std::string_view bytes) {
  TRY(auto segment, SegmentReader::open(bytes));
  TRY_STATUS(segment.next());
  return segment.record();
}

}  // namespace

base::Status note_unresolved(Database& database, std::span<const events::UsageRecord* const> fresh,
                             std::optional<base::WallTime> since) {
  for (const events::UsageRecord* const record : fresh) {
    if (!quota::is_unresolved(*record)) continue;
    const base::WallTime ended{record->started.ms + record->duration_us / 1'000};
    TRY_STATUS(database.run("INSERT INTO unresolved (id, since, account_id, key_id, record) VALUES (?, ?, ?, ?, ?)",
                            record->id, since.value_or(ended), record->account, record->key, Blob{packed(*record)}));
  }
  return {};
}

base::Status add_hold(Database& database, base::ExchangeId item, const events::Hold& hold) {
  std::optional<events::UsageRecord> record;
  {
    TRY(auto rows, database.query("SELECT record FROM unresolved WHERE id = ?", item));
    TRY(const bool found, rows.next());
    ASSERT(found);
    TRY(record, unpacked(rows.borrow_blob()));
  }
  record->holds.push_back(hold);
  TRY_STATUS(database.run("UPDATE unresolved SET record = ?2 WHERE id = ?1", item, Blob{packed(*record)}));
  return {};
}

base::Status note_all_unresolved(Database& database) {
  std::int64_t number = 0;
  for (;;) {
    {
      TRY(auto rows, database.query("SELECT min(number) FROM usage_segments WHERE number > ?", number));
      TRY_STATUS(rows.next());
      const auto next = rows.take_optional_integer();
      if (!next) return {};
      number = *next;
    }
    std::vector<events::UsageRecord> found;
    TRY_STATUS(read_segment(database, number, [&](SegmentReader& segment) -> base::Status {
      for (;;) {
        TRY(const bool another, segment.next());
        if (!another) return {};
        TRY(auto record, segment.record());
        if (quota::is_unresolved(record)) found.push_back(std::move(record));
      }
    }));
    for (const events::UsageRecord& record : found) {
      const events::UsageRecord* const one = &record;
      TRY_STATUS(note_unresolved(database, std::span(&one, 1)));
    }
  }
}

base::Result<quota::UnresolvedItem> take_unresolved(Rows& rows) {
  const auto id = rows.take_id<base::ExchangeId>();
  quota::UnresolvedItem item;
  item.since = rows.take_time();
  auto record = unpacked(rows.borrow_blob());
  if (!record) return base::fail(std::move(record).error().in(fmt::format("unresolved record {}", id.to_string())));
  item.record = std::move(*record);
  const auto verdict = rows.take_optional_text();
  if (!verdict) return item;
  const auto* const known =
      std::ranges::find(verdicts, *verdict, [](quota::Verdict one) { return quota::to_string(one); });
  if (known == std::end(verdicts))
    return base::fail(
        base::ErrorType::unavailable,
        fmt::format("the correction of {} is '{}', which this version does not know", id.to_string(), *verdict), {},
        base::Source::store);
  quota::Correction correction{.item = id, .verdict = *known, .reason = rows.take_text(), .record = {}};
  auto corrected = unpacked(rows.borrow_blob());
  if (!corrected)
    return base::fail(std::move(corrected).error().in(fmt::format("the correction of {}", id.to_string())));
  correction.record = std::move(*corrected);
  item.correction = std::move(correction);
  return item;
}

}  // namespace sqlite

namespace {

using quota::UnresolvedItem;
using sqlite::Rows;

base::Result<UnresolvedItem> row_of_item(sqlite::Database& database, base::ExchangeId id) {
  TRY(Rows rows,
      database.query("SELECT id, since, record, verdict, reason, correction FROM unresolved WHERE id = ?", id));
  TRY(const bool found, rows.next());
  if (!found) return quota::no_such_item(id);
  return sqlite::take_unresolved(rows);
}

base::Result<UnresolvedItem> find_item(sqlite::Database& database, base::ExchangeId id) {
  TRY(UnresolvedItem item, row_of_item(database, id));
  for (const events::Hold& hold : item.record.holds) {
    TRY(Rows rows, database.query("SELECT account_id FROM grants WHERE id = ?", hold.limit));
    TRY(const bool found, rows.next());
    if (!found) continue;
    item.grants.push_back(hold.limit);
    item.payer = rows.take_id<base::AccountId>();
  }
  return item;
}

}  // namespace

base::Result<std::vector<UnresolvedItem>> SqliteStore::open_items(const quota::UnresolvedFilter& filter) {
  const std::lock_guard lock(reader_mutex_);
  std::string where = "verdict IS NULL";
  std::vector<sqlite::Value> values;
  const auto also = [&](std::string_view condition, sqlite::Value value) {
    where += condition;
    values.push_back(std::move(value));
  };
  if (filter.account) also(" AND account_id = ?", filter.account->uuid);
  if (filter.key) also(" AND key_id = ?", filter.key->uuid);
  if (filter.since_before) also(" AND since < ?", filter.since_before->ms);
  if (filter.before) also(" AND id < ?", filter.before->uuid);
  values.emplace_back(static_cast<std::int64_t>(filter.limit));
  TRY(Rows rows, reader_.query_with(fmt::format("SELECT id, since, record, verdict, reason, correction FROM unresolved "
                                                "WHERE {} ORDER BY id DESC LIMIT ?",
                                                where),
                                    values));
  std::vector<UnresolvedItem> items;
  for (;;) {
    TRY(const bool found, rows.next());
    if (!found) return items;
    TRY(auto item, sqlite::take_unresolved(rows));
    items.push_back(std::move(item));
  }
}

base::Result<UnresolvedItem> SqliteStore::item(base::ExchangeId id) {
  const std::lock_guard lock(reader_mutex_);
  return find_item(reader_, id);
}

base::Result<UnresolvedItem> SqliteStore::correct(const quota::Correction& correction) {
  const std::lock_guard lock(writer_mutex_);
  TRY(auto transaction, sqlite::Transaction::begin(writer_));
  if (incarnation_ > 0) TRY_STATUS(check_incarnation());  // 0: a command has the folder, and its lock
  TRY(UnresolvedItem item, find_item(writer_, correction.item));
  TRY_STATUS(quota::check_same_decision(item, correction));
  if (item.correction) return item;

  sqlite::UsageAppend usage(writer_, usage_sizes_, std::exchange(usage_tail_, std::nullopt));
  TRY(const auto fresh, usage.claim(events::pointers_to(std::span(&correction.record, 1))));
  ASSERT(fresh.size() == 1);
  sqlite::Bookings bookings(writer_, incarnation_, {});
  for (const events::Hold& hold : correction.record.holds) TRY_STATUS(bookings.correct(hold));
  TRY_STATUS(bookings.write());
  TRY_STATUS(usage.write(fresh));
  TRY_STATUS(post_charges(fresh));
  TRY(const auto crossings, cross_thresholds_of(fresh, correction.record.started));
  TRY_STATUS(writer_.run("UPDATE unresolved SET verdict = ?2, reason = ?3, correction = ?4 WHERE id = ?1",
                         correction.item, quota::to_string(correction.verdict), correction.reason,
                         sqlite::Blob{sqlite::packed(correction.record)}));
  TRY_STATUS(count_commit());
  TRY_STATUS(transaction.commit());
  ++commits_;
  usage_tail_ = std::move(usage).written();
  count(crossings);
  item.correction = correction;
  return item;
}

}  // namespace store
