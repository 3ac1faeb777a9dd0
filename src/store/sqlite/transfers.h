#pragma once
// Transfers and grants as rows. Everything here runs inside the caller's transaction.

#include <optional>
#include <string_view>

#include "ledger/store.h"
#include "store/charges.h"
#include "store/sqlite/database.h"

namespace store::sqlite {

// Appends it with its postings, and brings the grants' caches up to date; what use took of a grant is in its counter,
// which the flush keeps.
base::Status append(Database& database, const ledger::Transfer& transfer);
base::Status insert(Database& database, const catalog::Grant& grant);

// How many there are.
base::Result<std::int64_t> count_transfers(Database& database);
base::Result<std::optional<ledger::Transfer>> read_transfer(Database& database, base::TransferId id);
base::Result<std::vector<ledger::Transfer>> read_transfers(Database& database, const ledger::TransferFilter& filter);
// What the exchange took from grants, and what was given back of it.
base::Result<std::optional<ledger::Charge>> read_charge(Database& database, base::ExchangeId exchange);
// The grants of an account, or (nil) all, each account's in burn order.
base::Result<ledger::Book> read_book(Database& database, base::AccountId account);
// Of these, those that something is left of or held, in the order of their ids.
base::Result<std::vector<catalog::Grant>> live_grants(Database& database, base::AccountId account);
base::Result<GrantAccounts> read_grant_accounts(Database& database);
// Goes through all transfers, oldest first.
base::Result<ledger::Derivation> derive(Database& database);

}  // namespace store::sqlite
