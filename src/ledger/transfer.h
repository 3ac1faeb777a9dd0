#pragma once
// ledger: money that moved, in double entry, and the rules by which it may move. Pure: it knows no clock, no store and
// no thread; a store (ledger/store.h) loads what a decision needs, asks decide() in order.h, and writes what it said.
//
// Book accounts are named by strings; in every posting money goes from `source` to `target`, so all book accounts
// together are always zero:
//
//   deposits          what customers paid in; negative by as much as is held for them or was earned from them
//   promotional       what was given away; likewise
//   grant:<id>        what one grant holds for its account
//   account:<id>      who spent: what its use cost, less what its grants paid. Zero where all use is prepaid
//   provider:<name>   what an upstream bills us
//   revenue           markup on use, less what was given back
//   fees              fees on top-ups, and others
//   unresolved        held for exchanges whose true cost is not known
//   expired           what was left of grants when they ended
//
// Always: transfers are only appended. A transfer is idempotent by its id: the same id with the same order already
// exists, with another it is a conflict that names the difference. An amount posted is above zero. Balances are derived
// from postings; what is kept beside them is a cache, and a check derives it again.

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/money.h"
#include "base/result.h"
#include "events/usage_record.h"

namespace ledger {

namespace book {
inline constexpr std::string_view deposits = "deposits";
inline constexpr std::string_view promotional = "promotional";
inline constexpr std::string_view revenue = "revenue";
inline constexpr std::string_view fees = "fees";
inline constexpr std::string_view unresolved = "unresolved";
inline constexpr std::string_view expired = "expired";
std::string grant(base::GrantId id);
std::string account(base::AccountId id);
std::string provider(std::string_view upstream);
}  // namespace book

// One movement of money; amount > 0.
struct Posting {
  std::string source;
  std::string target;
  base::Money amount;
  bool operator==(const Posting&) const = default;
};

enum class TransferKind : std::uint8_t {
  top_up,      // a grant was made
  charge,      // an exchange was paid; its id is the exchange's
  refund,      // some of a charge was given back
  fee,         // taken from the balance for something else than use
  void_grant,  // what was left of a grant was taken back
  dispute,     // a payment was taken back by who had made it
  expiry,      // what was left of a grant ended with it
  cover,       // a grant below zero was made good by the account's others
};
std::string_view to_string(TransferKind kind) noexcept;

// What was ordered, and what it moved. One posting for each grant that it touched, and one for each book account
// beside them.
struct Transfer {
  base::TransferId id;
  base::WallTime at;
  TransferKind kind = TransferKind::charge;
  base::AccountId account;  // whose balance it moved; of a charge without grants, who spent
  base::Uuid subject;       // the grant, or the exchange, that it is about; nil for a fee
  base::Money amount;       // as ordered; of a charge, what the exchange cost
  std::string note;
  std::vector<Posting> postings;

  bool operator==(const Transfer&) const = default;
};

// What an exchange took from one grant.
struct Slice {
  base::GrantId grant;
  base::Money spent;
  base::Money unresolved;  // of a correction below zero: what is held no more
  bool operator==(const Slice&) const = default;
};

// An id of version 8 (RFC 9562): it stands for what the text says, so that it is the same in every store.
base::TransferId derived_id(std::string_view text);

// What a finished exchange moves, under the exchange's own id, so that a replayed record posts nothing twice: its cost
// from its account to its provider; from each grant what it paid for the account, and what is held for it; and what the
// grants paid beyond the cost, the markup, to revenue. `payer`: whose grants they are. nullopt if nothing moved.
std::optional<Transfer> transfer_of(const events::UsageRecord& record, base::AccountId payer = {},
                                    std::span<const Slice> slices = {});

}  // namespace ledger
