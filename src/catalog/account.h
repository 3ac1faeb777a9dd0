#pragma once
// catalog: what the operator declared: accounts, keys, limits, upstreams, routes. It owns their definitions and the
// immutable snapshot that the data plane reads. It does not own what happened (ledger) or what is held (quota).
//
// Always true of a snapshot: each key's account exists, parents form a tree, and a key lists every limit of itself,
// of its account and of all accounts above it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/basis_points.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/money.h"
#include "base/time_zone.h"
#include "catalog/book_name.h"

namespace catalog {

enum class AccountStatus : std::uint8_t {
  active,
  suspended,
  deleted,  // for good: its keys are revoked, nothing new is made for it, and what it did stays told
};

// What a prepaid account pays for each month, whatever it uses. Its periods run from a day of the month to that of the
// next, in its time zone; each is due on its first day, from the first one that begins after `since`.
struct MonthlyFee {
  base::Money amount;  // above zero, up to most_usd
  int day = 1;         // 1 to 31; a shorter month's period begins on its last day
  base::TimeZone zone = {};
  base::WallTime since;  // when the fee was set, or its day or zone was last changed
  bool operator==(const MonthlyFee&) const = default;

  static constexpr std::int64_t most_usd = 1'000'000;
};

// Who spends. Accounts form a tree: organization ▸ team ▸ user.
struct Account {
  base::AccountId id;
  std::optional<base::AccountId> parent;
  std::string name;         // 1 to 200 characters
  std::string external_id;  // the customer's own name for it: unique if not empty, mapped, never trusted
  AccountStatus status = AccountStatus::active;
  base::WallTime created;
  // Prepaid: what its keys and those of all accounts below it spend is paid from its grants (grant.h) before it leaves,
  // and without money there nothing is admitted. Where several accounts above a key are, the nearest one pays.
  bool credit_only = false;
  base::BasisPoints markup = {};      // on what use costs us: the charge to the grants is the cost with this on top
  base::BasisPoints top_up_fee = {};  // of what is paid in, when it is
  std::optional<MonthlyFee> monthly_fee = {};  // only of a prepaid account
  BookName book = {};                          // that its calls and those of all accounts below it are priced by

  bool operator==(const Account&) const = default;
};

std::string_view to_string(AccountStatus status) noexcept;

}  // namespace catalog
