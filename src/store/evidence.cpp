#include "store/evidence.h"

#include <algorithm>

#include "quota/unresolved.h"

namespace store {

base::Status check_evidence(const quota::Evidence& evidence, std::int64_t last) {
  if (!evidence.incarnation || *evidence.incarnation == last) return {};
  return base::fail(base::ErrorType::conflict, "another process has taken over the store while this one started", {},
                    base::Source::store);
}

std::vector<events::UsageRecord> within_rows(const quota::Evidence& evidence,
                                             std::span<const events::UsageRecord* const> fresh, Remainders remainders) {
  const bool bounded = !evidence.doubt.empty() && evidence.seen_incarnation == 0;
  std::vector<events::UsageRecord> records;
  for (const events::UsageRecord* const record : fresh) {
    records.push_back(*record);
    if (!bounded) continue;
    const bool has_no_end = quota::cause_of(*record) == quota::UnresolvedCause::crash;
    for (events::Hold& hold : records.back().holds) {
      const auto row = remainders.find({hold.lease_epoch, {hold.limit, hold.label}});
      if (row == remainders.end()) continue;
      if (has_no_end) hold.unresolved = std::min(hold.unresolved, row->second);
      row->second -= std::min({hold.reserved, hold.spent + hold.unresolved, row->second});
    }
  }
  return records;
}

}  // namespace store
