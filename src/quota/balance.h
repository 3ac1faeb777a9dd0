#pragma once
// Balances in the engine: a grant is a counter that is leased like a limit's. An exchange of a prepaid account takes
// its worst case from the account's grants in burn order, from several if need be, all or nothing with its limits.

#include <string>
#include <vector>

#include "base/basis_points.h"
#include "catalog/snapshot.h"
#include "quota/decision.h"
#include "quota/lease.h"
#include "quota/numbers.h"
#include "quota/reservation.h"

namespace quota {

// What an exchange whose worst case is this charge takes from a balance: it, but never nothing. An account without
// money has nothing admitted, not even what is free.
std::int64_t want_of(base::Money charge);

// What the balance is charged for a cost; with no balance, nothing.
base::Money charge_of(base::Money cost, const catalog::Balance* balance);

// A grant as the counter that it is, to ask for its numbers (numbers.h).
catalog::Limit counter_as_limit(const catalog::Grant& grant);
// The grants of a balance that are usable at a moment, so; and the numbers of all of them together.
std::vector<catalog::Limit> usable_counters(const catalog::Balance& balance, base::WallTime now);
FiveNumbers sum_of(std::span<const FiveNumbers> of_grants);

// What an exchange wants of a balance; a copy, so that it may wait.
struct BalanceWant {
  base::AccountId account;
  std::string name;  // of the account
  base::BasisPoints markup;
  std::vector<catalog::Grant> grants;  // in burn order
  std::int64_t amount = 0;
  std::int64_t held = 0;  // by the reservation that is to be extended
};
BalanceWant want_from(const catalog::Balance& balance, base::Money charge);

// All usable grants of a balance together, as far as is known.
struct BalanceStanding {
  std::int64_t amount = 0;
  std::int64_t left = 0;       // with what others' reservations hold
  std::int64_t available = 0;  // that nobody else holds
};
// They as if they were a limit, for people.
catalog::Limit shown_limit(const BalanceWant& want, std::int64_t amount);
// As judge() of a limit (counting.h): a balance that waiting cannot help is insufficient_balance, unless a limit is
// reached already.
void judge(const BalanceWant& want, const BalanceStanding& standing, Refusal& refusal);

// Nobody has anything more of it, as far as this process knows, when `taken` is on its way.
bool is_exhausted(const Lease& lease, std::int64_t taken);

}  // namespace quota
