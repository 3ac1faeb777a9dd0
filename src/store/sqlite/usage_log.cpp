// events::UsageLog on SQLite: its own read-only connection, so that a report over a year delays no grant.
#include <fmt/format.h>

#include "base/assert.h"
#include "store/sqlite/sqlite_store.h"
#include "store/sqlite/usage_row.h"
#include "store/usage_filter.h"

namespace store {
namespace {

using events::UsageFilter;
using events::UsageGroup;

// A WHERE clause put together from fixed pieces; what a caller sent is bound, never written into it.
struct Where {
  std::string sql = "1";
  std::vector<sqlite::Value> values;

  void add(std::string_view condition, sqlite::Value value) {
    sql += fmt::format(" AND {}", condition);
    values.push_back(std::move(value));
  }
};

Where where_of(const UsageFilter& filter) {
  Where where;
  if (filter.account) where.add("account_id = ?", filter.account->uuid);
  if (filter.key) where.add("key_id = ?", filter.key->uuid);
  if (filter.model) where.add("model = ?", *filter.model);
  if (filter.from) where.add("started >= ?", filter.from->ms);
  if (filter.to) where.add("started < ?", filter.to->ms);
  return where;
}

std::string_view group_column(UsageGroup group) {
  switch (group) {
    case UsageGroup::total: return "NULL";
    case UsageGroup::account: return "account_id";
    case UsageGroup::key: return "key_id";
    case UsageGroup::model: return "model";
    case UsageGroup::day: return "strftime('%Y-%m-%d', started / 1000, 'unixepoch')";
  }
  return "NULL";
}

std::string take_group(sqlite::Rows& rows, UsageGroup group) {
  if (group == UsageGroup::model || group == UsageGroup::day) return rows.take_text();
  const base::Uuid uuid = rows.take_uuid();
  return uuid.is_nil() ? std::string() : uuid.to_string();
}

// An unaccounted record is no exchange; it says only that the sums are incomplete.
std::string sums_sql(const Where& where, UsageGroup group) {
  return fmt::format(
      "SELECT {0} AS name, coalesce(sum(outcome IN ('served', 'failed')), 0), "
      "coalesce(sum(outcome = 'refused'), 0), coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0), "
      "coalesce(sum(outcome <> 'refused' AND certainty IS NULL), 0), coalesce(sum(cost), 0) AS total_cost "
      "FROM usage WHERE {1} {2} ORDER BY {3}",
      group_column(group), where.sql, group == UsageGroup::total ? "" : "GROUP BY name",
      group == UsageGroup::day ? "name" : "total_cost DESC, name");
}

base::Result<bool> move_cursor(sqlite::Database& database, base::ExchangeId before, Where& where) {
  TRY(auto rows, database.query("SELECT started FROM usage WHERE id = ?", before));
  TRY(const bool found, rows.next());
  if (!found) return false;
  where.sql += " AND (started, id) < (?, ?)";
  where.values.emplace_back(rows.take_integer());
  where.values.emplace_back(before.uuid);
  return true;
}

}  // namespace

base::Result<std::vector<events::UsageRecord>> SqliteStore::records(const UsageFilter& filter) {
  TRY_STATUS(check_page(filter));
  const std::lock_guard lock(reader_mutex_);
  Where where = where_of(filter);
  if (filter.before) {
    TRY(const bool found, move_cursor(reader_, *filter.before, where));
    if (!found) return unknown_cursor(*filter.before);
  }
  where.values.emplace_back(std::int64_t{filter.limit});
  TRY(auto rows, reader_.query_with(fmt::format("SELECT {} FROM usage WHERE {} ORDER BY started DESC, id DESC LIMIT ?",
                                                sqlite::usage_columns, where.sql),
                                    where.values));
  std::vector<events::UsageRecord> page;
  for (;;) {
    TRY(const bool found, rows.next());
    if (!found) return page;
    TRY(events::UsageRecord record, sqlite::take_usage(rows));
    // A record and its holds are written in one transaction, and this reads the state of one moment.
    TRY(record.holds, sqlite::read_holds(reader_, record.id));
    page.push_back(std::move(record));
  }
}

base::Result<std::vector<events::UsageSum>> SqliteStore::sums(const UsageFilter& filter, UsageGroup group) {
  const std::lock_guard lock(reader_mutex_);
  const Where where = where_of(filter);
  TRY(auto rows, reader_.query_with(sums_sql(where, group), where.values));
  std::vector<events::UsageSum> sums;
  for (;;) {
    TRY(const bool found, rows.next());
    if (!found) break;
    sums.push_back({.group = take_group(rows, group),
                    .requests = rows.take_integer(),
                    .refusals = rows.take_integer(),
                    .input_tokens = rows.take_integer(),
                    .output_tokens = rows.take_integer(),
                    .unknown_usage = rows.take_integer(),
                    .cost = rows.take_money()});
  }
  ASSERT(group != UsageGroup::total || sums.size() == 1);
  return sums;
}

}  // namespace store
