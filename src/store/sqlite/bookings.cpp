#include "store/sqlite/bookings.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"

namespace store::sqlite {
namespace {

// Rows kept in memory; when there are more, all are read again as they come.
constexpr std::size_t rows_max = 8'192;

std::unexpected<base::Error> broken(std::string message) {
  return base::fail(base::ErrorType::internal, std::move(message), {}, base::Source::store);
}

base::Status add(std::int64_t& total, std::int64_t amount) {
  if (__builtin_add_overflow(total, amount, &total)) return broken("a counter does not fit in 64 bits");
  return {};
}

}  // namespace

base::Status Bookings::book(const events::Hold& hold) {
  ASSERT(hold.reserved >= 0 && hold.spent >= 0 && hold.unresolved >= 0);
  TRY(Booking* const booking, booking_of({hold.limit, hold.label}));
  TRY_STATUS(add(booking->spent, hold.spent));
  if (hold.sub_window) TRY_STATUS(add(sub_windows_[{hold.limit, *hold.sub_window}], hold.spent));
  TRY_STATUS(add(booking->unresolved, hold.unresolved));
  std::int64_t kept = hold.spent;
  TRY_STATUS(add(kept, hold.unresolved));
  booking->consumed += std::min({hold.reserved, kept, booking->remainder()});
  ASSERT(booking->remainder() >= 0);
  return {};
}

base::Status Bookings::take_back(const quota::LeaseReturn& lease_return) {
  ASSERT(lease_return.returned_total >= 0);
  TRY(Booking* const booking, booking_of(lease_return.counter));
  const std::int64_t difference = lease_return.returned_total - booking->before.returned - booking->returned;
  if (difference <= 0) return {};  // seen already
  if (difference > booking->remainder())
    return broken(fmt::format("limit {}: {} came back of a lease that holds {}", lease_return.counter.limit.to_string(),
                              difference, booking->remainder()));
  booking->returned += difference;
  return {};
}

base::Status Bookings::correct(const events::Hold& hold) {
  ASSERT(hold.reserved == 0 && hold.spent >= 0 && hold.unresolved <= 0);
  TRY(Booking* const booking, booking_of({hold.limit, hold.label}));
  TRY_STATUS(add(booking->spent, hold.spent));
  if (hold.sub_window) TRY_STATUS(add(sub_windows_[{hold.limit, *hold.sub_window}], hold.spent));
  booking->unresolved += hold.unresolved;  // the sum of what was booked is above it: the schema checks
  return {};
}

base::Status Bookings::write() {
  for (const auto& [key, booking] : bookings_) {
    const bool leaves = booking.consumed + booking.returned > 0;
    if (leaves) TRY_STATUS(write_lease(key, booking));
    if (leaves || booking.spent > 0 || booking.unresolved != 0) TRY_STATUS(write_counter(key, booking));
  }
  for (const auto& [key, spent] : sub_windows_)
    if (spent > 0)
      TRY_STATUS(
          database_.run("INSERT INTO sub_windows (limit_id, label, spent) VALUES (?1, ?2, ?3) "
                        "ON CONFLICT DO UPDATE SET spent = spent + ?3",
                        key.limit, key.label, spent));
  return {};
}

LeaseRows Bookings::written() && {
  if (rows_.size() > rows_max) rows_.clear();
  for (const auto& [key, booking] : bookings_)
    rows_[key] = {.remainder = booking.remainder(), .returned = booking.before.returned + booking.returned};
  return std::move(rows_);
}

base::Status Bookings::write_lease(const quota::CounterKey& key, const Booking& booking) {
  TRY(const std::int64_t updated,
      database_.run("UPDATE leases SET returned = returned + ?4, consumed = consumed + ?5 "
                    "WHERE incarnation = ?1 AND limit_id = ?2 AND label = ?3",
                    incarnation_, key.limit, key.label, booking.returned, booking.consumed));
  if (updated != 1) return broken(fmt::format("limit {}: its lease is gone", key.limit.to_string()));
  return {};
}

// What is leased has its counter; only what was booked without a grant may be its first.
base::Status Bookings::write_counter(const quota::CounterKey& key, const Booking& booking) {
  const std::int64_t leaves = booking.consumed + booking.returned;
  TRY(const std::int64_t updated,
      database_.run("UPDATE counters SET spent = spent + ?3, unresolved = unresolved + ?4, leased = leased - ?5 "
                    "WHERE limit_id = ?1 AND label = ?2",
                    key.limit, key.label, booking.spent, booking.unresolved, leaves));
  if (updated == 1) return {};
  if (leaves > 0) return broken(fmt::format("limit {}: its counter is gone", key.limit.to_string()));
  TRY_STATUS(database_.run("INSERT INTO counters (limit_id, label, spent, leased, unresolved) VALUES (?, ?, ?, 0, ?)",
                           key.limit, key.label, booking.spent, booking.unresolved));
  return {};
}

base::Result<Bookings::Booking*> Bookings::booking_of(const quota::CounterKey& key) {
  const auto [entry, created] = bookings_.try_emplace(key);
  if (!created) return &entry->second;
  if (const auto known = rows_.find(key); known != rows_.end()) {
    entry->second.before = known->second;
    return &entry->second;
  }
  TRY(Rows rows, database_.query("SELECT granted - returned - consumed, returned FROM leases "
                                 "WHERE incarnation = ?1 AND limit_id = ?2 AND label = ?3",
                                 incarnation_, key.limit, key.label));
  TRY(const bool found, rows.next());
  if (found) entry->second.before = {.remainder = rows.take_integer(), .returned = rows.take_integer()};
  return &entry->second;
}

}  // namespace store::sqlite
