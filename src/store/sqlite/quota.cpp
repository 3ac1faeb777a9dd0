// quota::Store on SQLite: grants, the flush and recovery, each in one transaction.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "base/assert.h"
#include "store/sqlite/sqlite_store.h"
#include "store/sqlite/usage_append.h"
#include "store/unaccounted.h"

namespace store {
namespace {

using sqlite::Database;
using sqlite::Rows;
using sqlite::Transaction;
using sqlite::UsageAppend;

std::unexpected<base::Error> broken(std::string message) {
  return base::fail(base::ErrorType::internal, std::move(message), {}, base::Source::store);
}

base::Status add(std::int64_t& total, std::int64_t amount) {
  if (__builtin_add_overflow(total, amount, &total)) return broken("a counter does not fit in 64 bits");
  return {};
}

// What one flush does to the counters, summed up: a counter that five hundred records touched is written once.
class Bookings {
 public:
  Bookings(Database& database, std::int64_t incarnation) : database_(database), incarnation_(incarnation) {}

  base::Status book(const events::Hold& hold) {
    ASSERT(hold.reserved >= 0 && hold.spent >= 0 && hold.unresolved >= 0);
    TRY(Booking* const booking, booking_of({hold.limit, hold.window_start}));
    TRY_STATUS(add(booking->spent, hold.spent));
    TRY_STATUS(add(booking->unresolved, hold.unresolved));
    std::int64_t kept = hold.spent;
    TRY_STATUS(add(kept, hold.unresolved));
    booking->consumed += std::min({hold.reserved, kept, booking->remainder()});
    ASSERT(booking->remainder() >= 0);
    return {};
  }

  base::Status take_back(const quota::LeaseReturn& lease_return) {
    ASSERT(lease_return.returned_total >= 0);
    TRY(Booking* const booking, booking_of(lease_return.counter));
    const std::int64_t difference = lease_return.returned_total - booking->returned_before - booking->returned;
    if (difference <= 0) return {};  // seen already
    if (difference > booking->remainder())
      return broken(fmt::format("limit {}: {} came back of a lease that holds {}",
                                lease_return.counter.limit.to_string(), difference, booking->remainder()));
    booking->returned += difference;
    return {};
  }

  base::Status write() {
    for (const auto& [key, booking] : bookings_) {
      const std::int64_t leaves = booking.consumed + booking.returned;
      if (leaves > 0)
        TRY_STATUS(
            database_.run("UPDATE leases SET returned = returned + ?4, consumed = consumed + ?5 "
                          "WHERE incarnation = ?1 AND limit_id = ?2 AND window_start = ?3",
                          incarnation_, key.limit, key.window_start, booking.returned, booking.consumed));
      if (leaves > 0 || booking.spent > 0 || booking.unresolved > 0)
        TRY_STATUS(database_.run(
            "INSERT INTO counters (limit_id, window_start, spent, leased, unresolved) VALUES (?1, ?2, ?3, 0, ?4) "
            "ON CONFLICT DO UPDATE SET spent = spent + ?3, unresolved = unresolved + ?4, leased = leased - ?5",
            key.limit, key.window_start, booking.spent, booking.unresolved, leaves));
    }
    return {};
  }

 private:
  struct CounterHash {
    std::size_t operator()(const quota::CounterKey& key) const { return interner_hash(key); }
  };
  struct Booking {
    std::int64_t remainder_before = 0;  // of the lease row; without a row there is nothing to take from
    std::int64_t returned_before = 0;
    std::int64_t returned = 0;  // from here on: by this flush
    std::int64_t consumed = 0;
    std::int64_t spent = 0;
    std::int64_t unresolved = 0;
    std::int64_t remainder() const { return remainder_before - returned - consumed; }
  };

  base::Result<Booking*> booking_of(const quota::CounterKey& key) {
    const auto [entry, created] = bookings_.try_emplace(key);
    if (!created) return &entry->second;
    TRY(Rows rows, database_.query("SELECT granted - returned - consumed, returned FROM leases "
                                   "WHERE incarnation = ?1 AND limit_id = ?2 AND window_start = ?3",
                                   incarnation_, key.limit, key.window_start));
    TRY(const bool found, rows.next());
    if (found) entry->second = {.remainder_before = rows.take_integer(), .returned_before = rows.take_integer()};
    return &entry->second;
  }

  Database& database_;
  const std::int64_t incarnation_;
  std::unordered_map<quota::CounterKey, Booking, CounterHash> bookings_;
};

// The lease rows of dead incarnations that hold something, with who pays for them.
base::Result<std::vector<Unaccounted>> left_open(Database& database) {
  TRY(Rows rows, database.query("SELECT leases.incarnation, leases.limit_id, leases.window_start, "
                                "leases.granted - leases.returned - leases.consumed AS remainder, "
                                "coalesce(limits.account_id, keys.account_id), limits.key_id "
                                "FROM leases LEFT JOIN limits ON limits.id = leases.limit_id "
                                "LEFT JOIN keys ON keys.id = limits.key_id "
                                "WHERE leases.open = 1 AND remainder > 0"));
  std::vector<Unaccounted> left;
  for (;;) {
    TRY(const bool found, rows.next());
    if (!found) return left;
    left.push_back({.incarnation = rows.take_integer(),
                    .counter = {rows.take_id<base::LimitId>(), rows.take_time()},
                    .remainder = rows.take_integer(),
                    .account = rows.take_id<base::AccountId>(),
                    .key = rows.take_id<base::KeyId>()});
  }
}

}  // namespace

base::Result<quota::Recovery> SqliteStore::open_incarnation(base::WallTime now) {
  const std::lock_guard lock(writer_mutex_);
  TRY(auto transaction, Transaction::begin(writer_));
  TRY(const auto left, left_open(writer_));
  std::vector<events::UsageRecord> records;
  for (const Unaccounted& row : left) {
    TRY_STATUS(
        writer_.run("UPDATE counters SET leased = leased - ?3, unresolved = unresolved + ?3 "
                    "WHERE limit_id = ?1 AND window_start = ?2",
                    row.counter.limit, row.counter.window_start, row.remainder));
    records.push_back(unaccounted_record(row, now));
  }
  UsageAppend usage(writer_, std::exchange(last_segment_, std::nullopt));
  TRY(const auto fresh, usage.claim(records));
  ASSERT(fresh.size() == records.size());
  TRY_STATUS(usage.write(fresh));
  TRY_STATUS(writer_.run("UPDATE leases SET open = 0 WHERE open = 1"));
  TRY_STATUS(writer_.run("UPDATE meta SET incarnation = incarnation + 1"));
  quota::Recovery recovery{.incarnation = 0, .unaccounted_leases = static_cast<std::int64_t>(left.size())};
  {
    TRY(Rows rows, writer_.query("SELECT incarnation FROM meta"));
    TRY_STATUS(rows.next());
    recovery.incarnation = rows.take_integer();
  }
  TRY_STATUS(transaction.commit());
  last_segment_ = std::move(usage).written();
  incarnation_ = recovery.incarnation;
  return recovery;
}

base::Result<std::vector<quota::Grant>> SqliteStore::grant(std::span<const quota::GrantRequest> requests) {
  const std::lock_guard lock(writer_mutex_);
  TRY(auto transaction, Transaction::begin(writer_));
  TRY_STATUS(check_incarnation());
  std::vector<quota::Grant> grants;
  for (const quota::GrantRequest& request : requests) {
    ASSERT(0 <= request.at_least && request.at_least <= request.at_most);
    const quota::CounterKey& key = request.counter;
    TRY(quota::CounterState state, state_of(key));
    const std::int64_t possible = std::min(request.at_most, state.grantable());
    const std::int64_t granted = possible >= request.at_least ? possible : 0;
    if (granted > 0) {
      TRY_STATUS(
          writer_.run("INSERT INTO counters (limit_id, window_start, spent, leased, unresolved) "
                      "VALUES (?1, ?2, 0, ?3, 0) ON CONFLICT DO UPDATE SET leased = leased + ?3",
                      key.limit, key.window_start, granted));
      TRY_STATUS(
          writer_.run("INSERT INTO leases (incarnation, limit_id, window_start, granted, returned, consumed, "
                      "open) VALUES (?1, ?2, ?3, ?4, 0, 0, 1) "
                      "ON CONFLICT DO UPDATE SET granted = granted + ?4",
                      incarnation_, key.limit, key.window_start, granted));
      state.leased += granted;
      ASSERT(state.spent + state.leased + state.unresolved <= state.amount);
    }
    grants.push_back({.granted = granted, .state = state});
  }
  TRY_STATUS(transaction.commit());
  return grants;
}

base::Status SqliteStore::flush(const quota::Flush& flush) {
  const std::lock_guard lock(writer_mutex_);
  TRY(auto transaction, Transaction::begin(writer_));
  TRY_STATUS(check_incarnation());
  // After a failure the last segment is read again: nobody knows then what of it was written.
  UsageAppend usage(writer_, std::exchange(last_segment_, std::nullopt));
  TRY(const auto fresh, usage.claim(flush.records));
  Bookings bookings(writer_, incarnation_);
  for (const events::UsageRecord* const record : fresh)
    for (const events::Hold& hold : record->holds) TRY_STATUS(bookings.book(hold));
  for (const quota::LeaseReturn& lease_return : flush.returns) TRY_STATUS(bookings.take_back(lease_return));
  TRY_STATUS(bookings.write());
  TRY_STATUS(usage.write(fresh));
  TRY_STATUS(transaction.commit());
  last_segment_ = std::move(usage).written();
  return {};
}

base::Result<std::vector<quota::CounterState>> SqliteStore::read(std::span<const quota::CounterKey> counters) {
  const std::lock_guard lock(writer_mutex_);
  std::vector<quota::CounterState> states;
  for (const quota::CounterKey& key : counters) {
    TRY(const quota::CounterState state, state_of(key));
    states.push_back(state);
  }
  return states;
}

base::Status SqliteStore::check_incarnation() {
  ASSERT(incarnation_ > 0);
  TRY(Rows rows, writer_.query("SELECT incarnation FROM meta"));
  TRY_STATUS(rows.next());
  if (rows.take_integer() == incarnation_) return {};
  // What this process still holds was made unresolved by the other one: to go on would spend it twice.
  return base::fail(
      base::ErrorType::unavailable,
      fmt::format("another process has taken over {}; this one admits nothing more", writer_.path().string()), {},
      base::Source::store);
}

base::Result<quota::CounterState> SqliteStore::state_of(const quota::CounterKey& key) {
  TRY(Rows rows, writer_.query("SELECT coalesce((SELECT amount FROM limits WHERE id = ?1 AND removed_at IS NULL), 0), "
                               "coalesce(spent, 0), coalesce(leased, 0), coalesce(unresolved, 0) "
                               "FROM (SELECT 1) LEFT JOIN counters ON limit_id = ?1 AND window_start = ?2",
                               key.limit, key.window_start));
  TRY_STATUS(rows.next());
  return quota::CounterState{.amount = rows.take_integer(),
                             .spent = rows.take_integer(),
                             .leased = rows.take_integer(),
                             .unresolved = rows.take_integer()};
}

}  // namespace store
