#pragma once
// Which thresholds a flush crosses, for every store alike. They look at `spent` alone (money-rules.md "Five numbers").

#include <cstdint>
#include <set>
#include <vector>

#include "catalog/limit.h"
#include "events/limit_event.h"
#include "quota/store.h"

namespace store {

// What counts of a counter at the moment of the flush, without what it books and with it.
struct CountedSpend {
  std::int64_t before = 0;
  std::int64_t after = 0;
};

// Of each counter: the percents of the thresholds that it stood above when it was last looked at.
using Crossed = std::set<int>;

// The events of one counter's thresholds, without numbers; `crossed` is brought up to date. A threshold that it stands
// above fires if it did not before: because this flush crosses it, because spend fell below it since and this flush
// crosses it again, or because the amount or the threshold came down upon what was spent.
std::vector<events::LimitEvent> cross_thresholds(const catalog::Limit& limit, base::WindowLabel label,
                                                 CountedSpend spend, base::WallTime now, Crossed& crossed);

// What to ask of a limit's counter of that label at that moment.
quota::CounterQuery counter_at(const catalog::Limit& limit, base::WindowLabel label, base::WallTime now);

// How much of a hold counts at that moment: of a rolling limit, what is in a sub-window that is still live.
std::int64_t counted(const events::Hold& hold, const quota::CounterQuery& query);

}  // namespace store
