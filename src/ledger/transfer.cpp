#include "ledger/transfer.h"

#include "base/assert.h"

namespace ledger {

std::optional<Transfer> transfer_of(const events::UsageRecord& record) {
  ASSERT(!record.cost.is_negative());
  if (record.cost.is_zero()) return std::nullopt;
  ASSERT(!record.account.is_nil());
  return Transfer{.id = base::TransferId{record.id.uuid},
                  .at = record.started,
                  .source = "account:" + record.account.to_string(),
                  .target = "provider:" + record.upstream,
                  .amount = record.cost};
}

}  // namespace ledger
