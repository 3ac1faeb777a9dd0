#include "store/sqlite/usage_retention.h"

#include <fmt/format.h>

#include <vector>

#include "catalog/grant.h"
#include "store/sqlite/sqlite_store.h"
#include "store/sqlite/usage_fold.h"
#include "store/sqlite/usage_scan.h"
#include "store/sqlite/usage_segment.h"
#include "store/usage_filter.h"
#include "store/usage_remains.h"
#include "store/usage_sums.h"

namespace store {
namespace sqlite {
namespace {

// So that nobody waits for the transaction: some two thousand records.
constexpr std::int64_t segments_at_once = 8;

base::Result<std::vector<std::int64_t>> segments_before(Database& database, base::WallTime before) {
  TRY(const Folded folded, read_folded(database));
  // From those that are there: most of the table of segments is of those that were dropped.
  TRY(Rows rows, database.query("SELECT segment FROM usage_records CROSS JOIN usage_segments ON number = segment "
                                "WHERE segment <= ? AND last_started < ? ORDER BY segment LIMIT ?",
                                folded.through, before, segments_at_once));
  std::vector<std::int64_t> segments;
  for (;;) {
    TRY(const bool found, rows.next());
    if (!found) return segments;
    segments.push_back(rows.take_integer());
  }
}

base::Status write(Database& database, const UsageRemains& remains) {
  for (const auto& [group, amounts] : remains.taken()) {
    const auto& [day, account, key, model, route] = group;
    TRY_STATUS(database.run(
        "INSERT INTO usage_remains (day, account_id, key_id, model, route, usd, requests, input_tokens, "
        "output_tokens, tokens) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO UPDATE SET "
        "usd = min(9223372036854775807, usd + ?6), requests = requests + ?7, "
        "input_tokens = min(9223372036854775807, input_tokens + ?8), "
        "output_tokens = min(9223372036854775807, output_tokens + ?9), "
        "tokens = min(9223372036854775807, tokens + ?10)",
        day, account.uuid, key.uuid, model, route, amounts.usd, amounts.requests, amounts.input_tokens,
        amounts.output_tokens, amounts.tokens));
  }
  for (const auto& [of, held] : remains.held()) {
    const auto& [limit, label, sub_window] = of;
    TRY_STATUS(
        database.run("INSERT INTO held_remains (limit_id, label, is_sub, sub_label, spent, unresolved) "
                     "VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET "
                     "spent = spent + ?5, unresolved = unresolved + ?6",
                     limit, label, static_cast<std::int64_t>(sub_window.has_value()), sub_window.value_or(label),
                     held.spent, held.unresolved));
  }
  for (const auto& [way, amount] : remains.posted())
    TRY_STATUS(
        database.run("INSERT INTO posted_remains (source, target, amount) VALUES (?1, ?2, ?3) "
                     "ON CONFLICT DO UPDATE SET amount = amount + ?3",
                     way.first, way.second, amount));
  TRY_STATUS(
      database.run("UPDATE meta SET dropped_records = dropped_records + ?, dropped_transfers = dropped_transfers "
                   "+ ?",
                   remains.records(), remains.transfers()));
  return {};
}

}  // namespace

base::Result<std::shared_ptr<const Opening::Units>> units_of(Database& database) {
  auto units = std::make_shared<Opening::Units>();
  TRY(Rows rows, database.query("SELECT id, unit FROM limits"));
  for (;;) {
    TRY(const bool found, rows.next());
    if (!found) return units;
    const auto id = rows.take_id<base::LimitId>();
    TRY(const auto unit, catalog::unit_from(rows.take_text()));
    units->emplace(id, unit);
  }
}

base::Result<events::Dropped> drop_segments(Database& database, base::WallTime before) {
  TRY(const auto segments, segments_before(database, before));
  if (segments.empty()) return events::Dropped{};
  TRY(const auto units, units_of(database));
  UsageRemains remains(units, [&](base::LimitId counter) {
    auto rows = database.query("SELECT 1 FROM grants WHERE id = ?", counter.uuid);
    if (!rows) return false;
    const auto found = rows->next();
    return found && *found;
  });
  for (const std::int64_t number : segments) {
    TRY_STATUS(read_segment(database, number, [&](SegmentReader& segment) -> base::Status {
      for (;;) {
        TRY(const bool another, segment.next());
        if (!another) return {};
        TRY(const auto record, segment.record());
        remains.take(record);
      }
    }));
    TRY_STATUS(database.run("DELETE FROM usage_records WHERE segment = ?", number));
    TRY_STATUS(database.run("UPDATE usage_segments SET digest = x'' WHERE number = ?", number));
  }
  TRY_STATUS(write(database, remains));
  TRY_STATUS(database.run("UPDATE meta SET usage_kept_from = max(coalesce(usage_kept_from, ?1), ?1)", before));
  return events::Dropped{.records = remains.records(), .is_more = std::ssize(segments) == segments_at_once};
}

base::Result<DroppedSoFar> read_dropped(Database& database) {
  TRY(Rows rows, database.query("SELECT usage_kept_from, dropped_records, dropped_transfers FROM meta"));
  TRY_STATUS(rows.next());
  DroppedSoFar dropped;
  if (const auto ms = rows.take_optional_integer()) dropped.kept_from = base::WallTime{*ms};
  dropped.records = rows.take_integer();
  dropped.transfers = rows.take_integer();
  return dropped;
}

base::Result<bool> any_dropped(Database& database, std::int64_t from, std::int64_t to) {
  TRY(const DroppedSoFar dropped, read_dropped(database));
  const auto kept_from = dropped.kept_from;
  if (!kept_from || from >= kept_from->ms) return false;
  TRY(Rows rows, database.query("SELECT 1 FROM usage_segments WHERE last_started >= ? AND last_started < ? "
                                "AND first_started < ? AND NOT EXISTS (SELECT 1 FROM usage_records WHERE segment = "
                                "number) LIMIT 1",
                                from, *kept_from, to));
  return rows.next();
}

base::Status show_taken(Database& database, std::int64_t from_day, std::int64_t to_day,
                        const std::function<void(const TakenUsage&)>& see) {
  TRY(Rows rows, database.query("SELECT day, account_id, key_id, model, route, usd, requests, input_tokens, "
                                "output_tokens, tokens FROM usage_remains WHERE day >= ? AND day <= ?",
                                from_day, to_day));
  for (;;) {
    TRY(const bool found, rows.next());
    if (!found) return {};
    TakenUsage taken;
    taken.day = rows.take_integer();
    taken.account = rows.take_id<base::AccountId>();
    taken.key = rows.take_id<base::KeyId>();
    taken.model = rows.take_text();
    taken.route = rows.take_text();
    taken.amounts.usd = rows.take_integer();
    taken.amounts.requests = rows.take_integer();
    taken.amounts.input_tokens = rows.take_integer();
    taken.amounts.output_tokens = rows.take_integer();
    taken.amounts.tokens = rows.take_integer();
    see(taken);
  }
}

base::Result<bool> is_kept(Database& database, std::int64_t segment) {
  TRY(Rows rows,
      database.query(fmt::format("SELECT 1 FROM usage_segments WHERE number = ? AND {}", segment_is_kept), segment));
  return rows.next();
}

base::Status check_all_kept(Database& database, Span span) {
  TRY(const bool dropped, any_dropped(database, span.from, span.to));
  if (!dropped) return {};
  TRY(const DroppedSoFar so_far, read_dropped(database));
  return records_no_longer_kept(*so_far.kept_from);
}

}  // namespace sqlite

base::Result<events::Dropped> SqliteStore::drop_records(base::WallTime before) {
  const base::WallTime day{day_of(before) * ms_per_day};
  const std::lock_guard lock(writer_mutex_);
  TRY(auto transaction, sqlite::Transaction::begin(writer_));
  TRY(const auto dropped, sqlite::drop_segments(writer_, day));
  if (dropped.records > 0) TRY_STATUS(transaction.commit());
  return dropped;
}

base::Result<std::optional<base::WallTime>> SqliteStore::kept_from() {
  const std::lock_guard lock(reader_mutex_);
  TRY(const auto dropped, sqlite::read_dropped(reader_));
  return dropped.kept_from;
}

}  // namespace store
