#include "store/usage_remains.h"

#include <algorithm>

#include "ledger/transfer.h"
#include "quota/unresolved.h"
#include "store/usage_sums.h"

namespace store {

void UsageRemains::take(const events::UsageRecord& record) {
  ++records_;
  bool prepaid = false;
  for (const events::Hold& hold : record.holds) {
    prepaid = prepaid || is_grant_(hold.limit);
    if (hold.spent == 0 && hold.unresolved == 0) continue;
    Held& held = held_[{hold.limit, hold.label, hold.sub_window}];
    held.spent += hold.spent;
    held.unresolved += hold.unresolved;
  }
  const auto transfer = prepaid ? std::nullopt : ledger::transfer_of(record);  // or it was posted
  if (transfer) {
    ++transfers_;
    for (const ledger::Posting& posting : transfer->postings)
      posted_[{posting.source, posting.target}] += posting.amount;
  }
  // What was ever unresolved is found among the items, with what became of it.
  if (quota::is_unresolved(record)) return;
  if (const auto taken = Opening::taken_by(record, units_))
    taken_[{day_of(record.started), record.account, record.key, record.model, record.route}] += *taken;
}

}  // namespace store
