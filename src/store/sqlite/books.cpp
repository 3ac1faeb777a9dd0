// quota::Books on SQLite: through a connection of its own, so that nobody waits while everything is read.
#include <fmt/format.h>

#include <limits>

#include "store/sqlite/enum_text.h"
#include "store/sqlite/sqlite_store.h"
#include "store/sqlite/unresolved.h"
#include "store/sqlite/usage_fold.h"
#include "store/sqlite/usage_retention.h"
#include "store/sqlite/usage_rollup.h"
#include "store/sqlite/usage_segment.h"
#include "store/usage_sums.h"

namespace store {
namespace {

using quota::BooksReader;
using sqlite::Database;
using sqlite::Rows;

constexpr int damages_shown = 10;

template <class See>
base::Status for_each_row(Database& database, std::string_view sql, See see) {
  TRY(Rows rows, database.query(sql));
  for (;;) {
    TRY(const bool found, rows.next());
    if (!found) return {};
    TRY_STATUS(see(rows));
  }
}

quota::CounterKey take_counter(Rows& rows) { return {rows.take_id<base::LimitId>(), rows.take_label()}; }

// What SQLite itself has to say of the file.
base::Status check_file(Database& database, BooksReader& reader) {
  return for_each_row(database, fmt::format("PRAGMA quick_check({})", damages_shown), [&](Rows& rows) {
    if (std::string said = rows.take_text(); said != "ok") reader.damaged("the file is damaged: " + said);
    return base::Status();
  });
}

base::Status show_dropped(Database& database, BooksReader& reader) {
  TRY_STATUS(for_each_row(database, "SELECT limit_id, label, is_sub, sub_label, spent, unresolved FROM held_remains",
                          [&](Rows& rows) {
                            quota::DroppedHold held{.counter = take_counter(rows), .sub_window = {}};
                            const bool is_sub = rows.take_flag();
                            const base::WindowLabel sub_label = rows.take_label();
                            if (is_sub) held.sub_window = sub_label;
                            held.spent = rows.take_integer();
                            held.unresolved = rows.take_integer();
                            reader.see(held);
                            return base::Status();
                          }));
  return for_each_row(database, "SELECT source, target, amount FROM posted_remains", [&](Rows& rows) {
    ledger::Posting posting;
    posting.source = rows.take_text();
    posting.target = rows.take_text();
    posting.amount = rows.take_money();
    reader.see_dropped(posting);
    return base::Status();
  });
}

base::Status show_tables(Database& database, BooksReader& reader, std::int64_t first_day) {
  TRY_STATUS(for_each_row(database, "SELECT limit_id, label, spent, leased, unresolved, quoted FROM counters",
                          [&](Rows& rows) {
                            reader.see(quota::KeptCounter{.counter = take_counter(rows),
                                                          .spent = rows.take_integer(),
                                                          .leased = rows.take_integer(),
                                                          .unresolved = rows.take_integer(),
                                                          .quoted = rows.take_integer()});
                            return base::Status();
                          }));
  TRY_STATUS(for_each_row(database, "SELECT limit_id, label, amount FROM quote_parts", [&](Rows& rows) {
    reader.see(quota::QuotePart{.counter = take_counter(rows), .amount = rows.take_integer()});
    return base::Status();
  }));
  TRY_STATUS(for_each_row(
      database, "SELECT incarnation, limit_id, label, granted, returned, consumed, open FROM leases", [&](Rows& rows) {
        reader.see(quota::KeptLease{.incarnation = rows.take_integer(),
                                    .counter = take_counter(rows),
                                    .granted = rows.take_integer(),
                                    .returned = rows.take_integer(),
                                    .consumed = rows.take_integer(),
                                    .open = rows.take_flag()});
        return base::Status();
      }));
  TRY_STATUS(for_each_row(database, "SELECT limit_id, label, spent FROM sub_windows", [&](Rows& rows) {
    reader.see(quota::KeptSubWindow{
        .limit = rows.take_id<base::LimitId>(), .label = rows.take_label(), .spent = rows.take_integer()});
    return base::Status();
  }));
  TRY(Rows rows,
      database.query("SELECT account_id, sum(cost) FROM usage_sums WHERE day >= ? GROUP BY account_id", first_day));
  for (;;) {
    TRY(const bool found, rows.next());
    if (!found) return {};
    reader.see(quota::KeptSum{.account = rows.take_id<base::AccountId>(), .cost = rows.take_money()});
  }
}

// The grants before the records: what was charged to them was posted.
base::Status show_balances(Database& database, BooksReader& reader) {
  TRY_STATUS(for_each_row(database, "SELECT id, credited, disputed, expired FROM grants", [&](Rows& rows) {
    reader.see(quota::KeptGrant{.id = rows.take_id<base::GrantId>(),
                                .credited = rows.take_money(),
                                .disputed = rows.take_money(),
                                .expired = rows.take_money()});
    return base::Status();
  }));
  return for_each_row(database,
                      "SELECT kind, source, target, postings.amount FROM postings JOIN transfers ON number = transfer "
                      "ORDER BY transfer, place",
                      [&](Rows& rows) {
                        const auto kind =
                            sqlite::enum_from(rows.take_text(), ledger::TransferKind::cover, "transfers.kind");
                        ledger::Posting posting;
                        posting.source = rows.take_text();
                        posting.target = rows.take_text();
                        posting.amount = rows.take_money();
                        if (kind) {
                          reader.see(posting, *kind);
                        } else {
                          reader.unreadable(kind.error().message);
                        }
                        return base::Status();
                      });
}

base::Status show_items(Database& database, BooksReader& reader) {
  return for_each_row(database, "SELECT id, since, record, verdict, reason, correction FROM unresolved",
                      [&](Rows& rows) {
                        const auto item = sqlite::take_unresolved(rows);
                        if (item) {
                          reader.see(*item);
                        } else {
                          reader.unreadable(item.error().message);
                        }
                        return base::Status();
                      });
}

base::Status show_rollups(Database& database, BooksReader& reader) {
  using enum quota::KeptRollUp::By;
  for (const auto by : {total, model, upstream, route, reason, account, key}) {
    const auto see = [&](const sqlite::RolledUp& one) {
      reader.see(quota::KeptRollUp{.by = by, .at = one.at, .name = one.name, .sum = one.sum});
    };
    const events::UsageFilter all;
    TRY_STATUS(sqlite::show_rolled_up(database, sqlite::rollup_by(by), all, sqlite::all_steps, see));
  }
  return {};
}

// Every record; a segment that cannot be read is told, and the others are read on.
base::Status show_records(Database& database, BooksReader& reader, std::int64_t dropped) {
  TRY_STATUS(for_each_row(database,
                          "SELECT coalesce(sum(count), 0) FROM usage_segments "
                          "WHERE NOT EXISTS (SELECT 1 FROM usage_records WHERE segment = number)",
                          [&](Rows& rows) {
                            if (const std::int64_t gone = rows.take_integer(); gone != dropped)
                              reader.unreadable(fmt::format(
                                  "{} usage records are gone, and {} were dropped for their age", gone, dropped));
                            return base::Status();
                          }));
  TRY(const auto folded, sqlite::read_folded(database));
  return for_each_row(
      database,
      fmt::format("SELECT number, count FROM usage_segments WHERE {} ORDER BY number", sqlite::segment_is_kept),
      [&](Rows& segments) {
        const std::int64_t number = segments.take_integer();
        std::int64_t left = segments.take_integer();
        base::Status read = sqlite::read_segment(database, number, [&](SegmentReader& segment) -> base::Status {
          for (;;) {
        TRY(const bool another, segment.next());
            if (!another) return {};
        TRY(const auto record, segment.record());
            reader.see(record, number <= folded.through);
            --left;
          }
        });
        if (!read) {
          reader.unreadable(read.error().message);
        } else if (left != 0) {
          reader.unreadable(fmt::format("usage segment {} holds {} records other than it should", number, -left));
        }
        return base::Status();
      });
}

}  // namespace

base::Result<quota::Books::Kept> SqliteStore::show(BooksReader& reader) {
  TRY(Database database, Database::open(writer_.path(), Database::Access::read_only));
  TRY(const sqlite::Snapshot snapshot, sqlite::Snapshot::begin(database));
  TRY_STATUS(check_file(database, reader));
  Kept kept{.rolls_up = true};
  TRY_STATUS(for_each_row(database, "SELECT incarnation FROM meta", [&](Rows& rows) {
    kept.incarnation = rows.take_integer();
    return base::Status();
  }));
  TRY_STATUS(for_each_row(database, "SELECT count(*) FROM transfers", [&](Rows& rows) {
    kept.transfers = rows.take_integer();
    return base::Status();
  }));
  TRY(const auto dropped, sqlite::read_dropped(database));
  kept.transfers += dropped.transfers;
  kept.dropped_records = dropped.records;
  if (dropped.kept_from) reader.kept_from(*dropped.kept_from);
  TRY_STATUS(show_dropped(database, reader));
  TRY_STATUS(show_tables(database, reader,
                         dropped.kept_from ? day_of(*dropped.kept_from) : std::numeric_limits<std::int64_t>::min()));
  TRY_STATUS(show_rollups(database, reader));
  TRY_STATUS(show_balances(database, reader));
  TRY_STATUS(show_items(database, reader));
  TRY_STATUS(show_records(database, reader, dropped.records));
  return kept;
}

}  // namespace store
