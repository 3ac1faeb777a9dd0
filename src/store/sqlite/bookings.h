#pragma once

#include <cstdint>
#include <unordered_map>

#include "base/result.h"
#include "quota/store.h"
#include "store/interner.h"
#include "store/sqlite/database.h"

namespace store::sqlite {

struct CounterHash {
  std::size_t operator()(const quota::CounterKey& key) const { return interner_hash(key); }
};

// Lease rows of this incarnation as the last flush left them: nobody else writes them.
struct LeaseRow {
  std::int64_t remainder = 0;  // granted - returned - consumed; without a row there is nothing to take from
  std::int64_t returned = 0;
};
using LeaseRows = std::unordered_map<quota::CounterKey, LeaseRow, CounterHash>;

// What one flush does to the counters, summed up: a counter that five hundred records touched is written once. Used
// inside a transaction; after the commit, `written` are the lease rows to go on with.
class Bookings {
 public:
  Bookings(Database& database, std::int64_t incarnation, LeaseRows rows)
      : database_(database), incarnation_(incarnation), rows_(std::move(rows)) {}

  base::Status book(const events::Hold& hold);
  base::Status take_back(const quota::LeaseReturn& lease_return);
  // Of a corrected record: out of the counter's unresolved; no lease has to do with it.
  base::Status correct(const events::Hold& hold);
  base::Status write();
  LeaseRows written() &&;

 private:
  struct Booking {
    LeaseRow before;
    std::int64_t returned = 0;  // from here on: by this flush
    std::int64_t consumed = 0;
    std::int64_t spent = 0;
    std::int64_t unresolved = 0;
    std::int64_t remainder() const { return before.remainder - returned - consumed; }
  };
  base::Result<Booking*> booking_of(const quota::CounterKey& key);
  base::Status write_lease(const quota::CounterKey& key, const Booking& booking);
  base::Status write_counter(const quota::CounterKey& key, const Booking& booking);

  Database& database_;
  const std::int64_t incarnation_;
  LeaseRows rows_;
  std::unordered_map<quota::CounterKey, Booking, CounterHash> bookings_;
  std::unordered_map<quota::CounterKey, std::int64_t, CounterHash> sub_windows_;  // spent; a key's label is the sub's
};

}  // namespace store::sqlite
