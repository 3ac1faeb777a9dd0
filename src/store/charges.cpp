#include "store/charges.h"

namespace store {

std::optional<ledger::Transfer> charge_of(const events::UsageRecord& record, const GrantAccounts& grants) {
  if (grants.empty()) return std::nullopt;
  std::vector<ledger::Slice> slices;
  base::AccountId payer;
  for (const events::Hold& hold : record.holds) {
    const auto grant = grants.find(hold.limit);
    if (grant == grants.end()) continue;
    payer = grant->second;
    slices.push_back({.grant = base::GrantId{hold.limit.uuid},
                      .spent = base::Money::from_nanos(hold.spent),
                      .unresolved = base::Money::from_nanos(hold.unresolved)});
  }
  if (slices.empty()) return std::nullopt;
  return ledger::transfer_of(record, payer, slices);
}

}  // namespace store
