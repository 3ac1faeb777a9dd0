#pragma once

#include <cstdint>

#include "base/ids.h"
#include "events/usage_record.h"
#include "quota/store.h"

namespace store {

// What a lease row of a dead incarnation left behind: who pays for the limit and how much nobody accounted for.
struct Unaccounted {
  base::Uuid node = {};  // nil: the one node of an embedded store
  std::int64_t incarnation = 0;
  quota::CounterKey counter;
  std::int64_t epoch = quota::first_epoch;
  std::int64_t remainder = 0;
  base::AccountId account;  // the limit's subject, or the account of the key that is
  base::KeyId key;          // the limit's subject if it is a key, else nil
};

// The one usage record that stands for it: nothing is booked as cost, and the whole remainder is held as unresolved.
// Its id is a UUID of version 7 made from `now` and, in place of random bits, a digest of the row's name: the same
// row gives the same record in every store.
events::UsageRecord unaccounted_record(const Unaccounted& row, base::WallTime now);

}  // namespace store
