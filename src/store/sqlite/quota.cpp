// quota::Store on SQLite: grants, the flush and recovery, each in one transaction.
#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "store/evidence.h"
#include "store/sqlite/bookings.h"
#include "store/sqlite/sqlite_store.h"
#include "store/sqlite/unresolved.h"
#include "store/sqlite/usage_append.h"
#include "store/unaccounted.h"

namespace store {
namespace {

using sqlite::Bookings;
using sqlite::Database;
using sqlite::Rows;
using sqlite::Transaction;
using sqlite::UsageAppend;

// The lease rows of dead incarnations that hold something, with who pays for them.
base::Result<std::vector<Unaccounted>> left_open(Database& database) {
  TRY(Rows rows, database.query("SELECT leases.incarnation, leases.limit_id, leases.label, "
                                "leases.granted - leases.returned - leases.consumed AS remainder, "
                                "coalesce(limits.account_id, keys.account_id, grants.account_id), limits.key_id "
                                "FROM leases LEFT JOIN limits ON limits.id = leases.limit_id "
                                "LEFT JOIN keys ON keys.id = limits.key_id "
                                "LEFT JOIN grants ON grants.id = leases.limit_id "
                                "WHERE leases.open = 1 AND remainder > 0"));
  std::vector<Unaccounted> left;
  for (;;) {
    TRY(const bool found, rows.next());
    if (!found) return left;
    left.push_back({.incarnation = rows.take_integer(),
                    .counter = {rows.take_id<base::LimitId>(), rows.take_label()},
                    .remainder = rows.take_integer(),
                    .account = rows.take_id<base::AccountId>(),
                    .key = rows.take_id<base::KeyId>()});
  }
}

base::Result<Remainders> remainders_of(Database& database, std::int64_t incarnation) {
  TRY(Rows rows, database.query("SELECT limit_id, label, granted - returned - consumed FROM leases "
                                "WHERE open = 1 AND incarnation = ?",
                                incarnation));
  Remainders remainders;
  for (;;) {
    TRY(const bool found, rows.next());
    if (!found) return remainders;
    const quota::CounterKey counter{rows.take_id<base::LimitId>(), rows.take_label()};
    remainders.emplace(RowKey{.counter = counter}, rows.take_integer());
  }
}

// Those that no query may ask for any more.
base::Status forget_sub_windows(Database& database, base::LimitId limit, base::WindowLabel live_from) {
  TRY_STATUS(database.run("DELETE FROM sub_windows WHERE limit_id = ?1 AND label < ?2", limit,
                          base::WindowLabel{live_from.ms - quota::sub_windows_kept_ms}));
  return {};
}

}  // namespace

base::Result<quota::LeftBehind> SqliteStore::left_behind() {
  const std::lock_guard lock(writer_mutex_);
  quota::LeftBehind left;
  {
    TRY(Rows rows, writer_.query("SELECT store_id, incarnation, commits FROM meta"));
    TRY_STATUS(rows.next());
    left.store = rows.take_id<base::ExchangeId>().uuid;
    left.node = left.store;
    left.incarnation = rows.take_integer();
    left.commit = static_cast<std::uint64_t>(rows.take_integer());
  }
  TRY(Rows rows,
      writer_.query("SELECT worker, settled FROM journals WHERE incarnation = ? ORDER BY worker", left.incarnation));
  for (;;) {
    TRY(const bool found, rows.next());
    if (!found) return left;
    const auto worker = static_cast<std::size_t>(rows.take_integer());
    left.marks.resize(worker + 1);
    left.marks[worker] = static_cast<std::uint64_t>(rows.take_integer());
  }
}

base::Result<quota::Recovery> SqliteStore::recover(base::WallTime now, const quota::Evidence& evidence) {
  const std::lock_guard lock(writer_mutex_);
  TRY(auto transaction, Transaction::begin(writer_));
  TRY(const std::int64_t last, last_incarnation());
  TRY_STATUS(check_evidence(evidence, last));
  UsageAppend usage(writer_, usage_sizes_, std::exchange(usage_tail_, std::nullopt));
  TRY(const auto claimed, usage.claim(events::pointers_to(evidence.records)));
  TRY(auto remainders, remainders_of(writer_, last));
  const auto records = within_rows(evidence, claimed, std::move(remainders));
  auto fresh = events::pointers_to(records);
  quota::Recovery recovery{.incarnation = std::max(last, evidence.seen_incarnation) + 1,
                           .recovered_records = std::ssize(fresh),
                           .unaccounted_leases = 0};
  Bookings bookings(writer_, last, {});
  for (const events::UsageRecord* const record : fresh)
    for (const events::Hold& hold : record->holds) TRY_STATUS(bookings.book(hold));
  TRY_STATUS(bookings.write());

  TRY(const auto left, left_open(writer_));
  const bool returned = evidence.doubt.empty();
  std::vector<events::UsageRecord> unaccounted;
  for (const Unaccounted& row : left) {
    // A lease of an earlier incarnation is one that its own recovery did not close: nothing proves anything of it.
    const bool goes_back = returned && row.incarnation == last;
    TRY_STATUS(
        writer_.run("UPDATE counters SET leased = leased - ?3, unresolved = unresolved + ?4 "
                    "WHERE limit_id = ?1 AND label = ?2",
                    row.counter.limit, row.counter.label, row.remainder, goes_back ? 0 : row.remainder));
    if (!goes_back) unaccounted.push_back(unaccounted_record(row, now));
  }
  recovery.unaccounted_leases = std::ssize(unaccounted);
  TRY(const auto more, usage.claim(events::pointers_to(unaccounted)));
  ASSERT(more.size() == unaccounted.size());
  fresh.insert(fresh.end(), more.begin(), more.end());
  TRY_STATUS(usage.write(fresh));
  TRY_STATUS(sqlite::note_unresolved(writer_, fresh, now));
  TRY_STATUS(post_charges(fresh));
  TRY(const auto crossings, cross_thresholds_of(fresh, now));
  if (evidence.seen_incarnation > 0) TRY_STATUS(end_all_quotes());
  TRY_STATUS(writer_.run("UPDATE leases SET open = 0 WHERE open = 1"));
  TRY_STATUS(writer_.run("DELETE FROM journals"));
  TRY_STATUS(writer_.run("UPDATE meta SET incarnation = ?", recovery.incarnation));
  TRY_STATUS(count_commit());
  TRY(const std::uint64_t commits, stored_commits());
  TRY_STATUS(transaction.commit());
  commits_ = commits;
  usage_tail_ = std::move(usage).written();
  lease_rows_.clear();
  count(crossings);
  incarnation_ = recovery.incarnation;
  return recovery;
}

base::Result<std::vector<quota::Grant>> SqliteStore::grant(std::span<const quota::GrantRequest> requests) {
  const std::lock_guard lock(writer_mutex_);
  for (const quota::GrantRequest& request : requests) TRY_STATUS(end_due_quotes(request.of.at));
  TRY(auto transaction, Transaction::begin(writer_));
  TRY_STATUS(check_incarnation());
  std::vector<quota::Grant> grants;
  for (const quota::GrantRequest& request : requests) {
    ASSERT(0 <= request.at_least && request.at_least <= request.at_most);
    const quota::CounterKey& key = request.of.counter;
    lease_rows_.erase(key);
    if (grant_accounts_.contains(key.limit)) TRY_STATUS(make_good(base::GrantId{key.limit.uuid}, request.of.at));
    if (request.of.live_from) TRY_STATUS(forget_sub_windows(writer_, key.limit, *request.of.live_from));
    TRY(quota::CounterState state, state_of(request.of));
    TRY(const std::int64_t unheard, unheard_of(request));
    const std::int64_t possible = std::min(std::max<std::int64_t>(request.at_most - unheard, 0), state.grantable());
    const std::int64_t granted = unheard + possible >= request.at_least ? possible : 0;
    if (granted > 0) {
      TRY_STATUS(lease_out(key, granted));
      state.leased += granted;
      ASSERT(state.spent + state.leased + state.unresolved + state.quoted <= state.amount);
    }
    grants.push_back({.granted = unheard + granted, .state = state});
  }
  TRY_STATUS(count_commit());
  TRY_STATUS(transaction.commit());
  ++commits_;
  return grants;
}

base::Status SqliteStore::lease_out(const quota::CounterKey& key, std::int64_t amount) {
  TRY_STATUS(
      writer_.run("INSERT INTO counters (limit_id, label, spent, leased, unresolved) "
                  "VALUES (?1, ?2, 0, ?3, 0) ON CONFLICT DO UPDATE SET leased = leased + ?3",
                  key.limit, key.label, amount));
  TRY_STATUS(
      writer_.run("INSERT INTO leases (incarnation, limit_id, label, granted, returned, consumed, "
                  "open) VALUES (?1, ?2, ?3, ?4, 0, 0, 1) "
                  "ON CONFLICT DO UPDATE SET granted = granted + ?4",
                  incarnation_, key.limit, key.label, amount));
  return {};
}

// What an earlier call granted although its commit was answered with an error.
base::Result<std::int64_t> SqliteStore::unheard_of(const quota::GrantRequest& request) {
  if (!request.granted_before) return 0;
  TRY(Rows rows, writer_.query("SELECT granted FROM leases WHERE incarnation = ? AND limit_id = ? AND label = ?",
                               incarnation_, request.of.counter.limit, request.of.counter.label));
  TRY(const bool found, rows.next());
  return found ? std::max<std::int64_t>(0, rows.take_integer() - *request.granted_before) : 0;
}

base::Status SqliteStore::flush(const quota::Flush& flush) {
  const std::lock_guard lock(writer_mutex_);
  TRY(auto transaction, Transaction::begin(writer_));
  TRY_STATUS(check_incarnation());
  // After a failure all that is remembered is read again: nobody knows then what of it was written.
  UsageAppend usage(writer_, usage_sizes_, std::exchange(usage_tail_, std::nullopt));
  TRY(const auto fresh, usage.claim(flush.records));
  Bookings bookings(writer_, incarnation_, std::exchange(lease_rows_, {}));
  for (const events::UsageRecord* const record : fresh)
    for (const events::Hold& hold : record->holds) TRY_STATUS(bookings.book(hold));
  for (const quota::LeaseReturn& lease_return : flush.returns) TRY_STATUS(bookings.take_back(lease_return));
  TRY_STATUS(bookings.write());
  TRY_STATUS(usage.write(fresh));
  TRY_STATUS(sqlite::note_unresolved(writer_, fresh));
  TRY_STATUS(post_charges(fresh));
  TRY(const auto crossings, cross_thresholds_of(fresh, flush.now));
  for (const quota::JournalMark& mark : flush.marks)
    TRY_STATUS(
        writer_.run("INSERT INTO journals (incarnation, worker, settled) VALUES (?1, ?2, ?3) "
                    "ON CONFLICT DO UPDATE SET settled = max(settled, ?3)",
                    incarnation_, static_cast<std::int64_t>(mark.worker), static_cast<std::int64_t>(mark.settled)));
  TRY_STATUS(count_commit());
  TRY_STATUS(transaction.commit());
  ++commits_;
  usage_tail_ = std::move(usage).written();
  lease_rows_ = std::move(bookings).written();
  count(crossings);
  return {};
}

base::Result<std::vector<quota::CounterState>> SqliteStore::read(std::span<const quota::CounterQuery> counters) {
  const std::lock_guard lock(writer_mutex_);
  std::vector<quota::CounterState> states;
  for (const quota::CounterQuery& query : counters) {
    TRY(const quota::CounterState state, state_of(query));
    states.push_back(state);
  }
  return states;
}

base::Result<std::int64_t> SqliteStore::last_incarnation() {
  TRY(Rows rows, writer_.query("SELECT incarnation FROM meta"));
  TRY_STATUS(rows.next());
  return rows.take_integer();
}

base::Status SqliteStore::count_commit() {
  TRY_STATUS(writer_.run("UPDATE meta SET commits = commits + 1"));
  return {};
}

base::Result<std::uint64_t> SqliteStore::stored_commits() {
  TRY(Rows rows, writer_.query("SELECT commits FROM meta"));
  TRY_STATUS(rows.next());
  return static_cast<std::uint64_t>(rows.take_integer());
}

std::uint64_t SqliteStore::last_commit() const {
  const std::lock_guard lock(writer_mutex_);
  return commits_;
}

base::Status SqliteStore::check_incarnation() {
  ASSERT(incarnation_ > 0);
  TRY(const std::int64_t last, last_incarnation());
  if (last == incarnation_) return {};
  // What this process still holds was made unresolved by the other one: to go on would spend it twice.
  return base::fail(
      base::ErrorType::conflict,
      fmt::format("another process has taken over {}; this one admits nothing more", writer_.path().string()), {},
      base::Source::store);
}

base::Result<quota::CounterState> SqliteStore::state_of(const quota::CounterQuery& query) {
  const quota::CounterKey& key = query.counter;
  quota::CounterState state;
  {
    TRY(Rows rows, writer_.query("SELECT coalesce(amount, 0), CASE WHEN raise_amount > amount AND raise_until > ?3 "
                                 "THEN raise_amount END, raise_until, "
                                 "coalesce(spent, 0), coalesce(leased, 0), coalesce(unresolved, 0), "
                                 "coalesce(quoted, 0) FROM (SELECT 1) "
                                 "LEFT JOIN limits ON id = ?1 AND removed_at IS NULL "
                                 "LEFT JOIN counters ON limit_id = ?1 AND label = ?2",
                                 key.limit, key.label, query.at));
    TRY_STATUS(rows.next());
    state.amount = rows.take_integer();
    const auto raised = rows.take_optional_integer();
    const auto until = rows.take_optional_integer();
    if (raised) {
      state.amount = *raised;
      state.raised_until = base::WallTime{*until};
    }
    state.spent = rows.take_integer();
    state.leased = rows.take_integer();
    state.unresolved = rows.take_integer();
    state.quoted = rows.take_integer();
  }
  TRY(const std::int64_t due, due_of(key, query.at));
  state.quoted -= due;
  if (grant_accounts_.contains(key.limit)) {
    TRY(state.amount, amount_of(base::GrantId{key.limit.uuid}));
  }
  if (!query.live_from) return state;
  TRY(Rows rows, writer_.query("SELECT coalesce(sum(spent), 0), min(label) FROM sub_windows "
                               "WHERE limit_id = ?1 AND label >= ?2",
                               key.limit, *query.live_from));
  TRY_STATUS(rows.next());
  state.spent = rows.take_integer();
  if (const auto oldest = rows.take_optional_integer()) state.oldest_sub = base::WindowLabel{*oldest};
  return state;
}

}  // namespace store
