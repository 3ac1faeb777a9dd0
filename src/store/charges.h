#pragma once

#include <optional>
#include <unordered_map>

#include "events/usage_record.h"
#include "ledger/transfer.h"

namespace store {

// Whose grant a counter is. A counter that is not here is a limit's.
using GrantAccounts = std::unordered_map<base::LimitId, base::AccountId>;

// The transfer of a record that has holds on grants; nullopt if it has none, or nothing moved: then the record itself
// is all there is to it.
std::optional<ledger::Transfer> charge_of(const events::UsageRecord& record, const GrantAccounts& grants);

}  // namespace store
