#pragma once
// ledger: money that moved, in double entry. Append-only; a transfer is idempotent by its id: the same id with the
// same content already exists, with other content it is a conflict. Balances are derived from transfers.

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"
#include "base/money.h"
#include "events/usage_record.h"

namespace ledger {

// One movement of money from `source` to `target`; amount > 0. Book accounts are named by strings:
// "account:<id>" for who spends, "provider:<upstream>" for what a provider bills us.
struct Transfer {
  base::TransferId id;
  base::WallTime at;
  std::string source;
  std::string target;
  base::Money amount;

  bool operator==(const Transfer&) const = default;
};

enum class PostStatus : std::uint8_t { posted, exists, exists_with_different_content };

// What a finished exchange moves: its cost from its account to its provider, under the exchange's own id, so that a
// replayed record posts nothing twice. nullopt if it cost nothing.
std::optional<Transfer> transfer_of(const events::UsageRecord& record);

}  // namespace ledger
