#pragma once
// What a store makes of what the journals of a dead process say (quota::Evidence).

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "quota/store.h"

namespace store {

// Fails (conflict) if the evidence is of another incarnation than `last`: another process has recovered meanwhile.
base::Status check_evidence(const quota::Evidence& evidence, std::int64_t last);

// What is left of each of the dead incarnation's lease rows, those included of which nothing is.
struct RowKey {
  std::int64_t epoch = quota::first_epoch;
  quota::CounterKey counter;
  auto operator<=>(const RowKey&) const = default;
};
using Remainders = std::map<RowKey, std::int64_t>;

// The records as they are to be booked, in their order, of those that the store does not have. Where a journal leaves a
// doubt, an exchange without an end holds no more than what those before it left of its lease row: what it once
// reserved may have come back and have been reserved again, and the row is the bound (money-rules.md, "Power loss").
// Journals that are whole say exactly what was held, of a limit that was taken on even what could not be leased. Of a
// store that was put back the rows are older than the records, and bound nothing.
std::vector<events::UsageRecord> within_rows(const quota::Evidence& evidence,
                                             std::span<const events::UsageRecord* const> fresh, Remainders remainders);

}  // namespace store
