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

#include "base/clock.h"
#include "base/ids.h"

namespace catalog {

enum class AccountStatus : std::uint8_t { active, suspended };

// Who spends. Accounts form a tree: organization ▸ team ▸ user.
struct Account {
  base::AccountId id;
  std::optional<base::AccountId> parent;
  std::string name;         // 1 to 200 characters
  std::string external_id;  // the customer's own name for it: unique if not empty, mapped, never trusted
  AccountStatus status = AccountStatus::active;
  base::WallTime created;

  bool operator==(const Account&) const = default;
};

std::string_view to_string(AccountStatus status) noexcept;

}  // namespace catalog
