#include "quota/balance.h"

#include <algorithm>

#include "base/assert.h"

namespace quota {

std::int64_t want_of(base::Money charge) {
  ASSERT(!charge.is_negative());
  return std::max<std::int64_t>(charge.nanos(), 1);
}

base::Money charge_of(base::Money cost, const catalog::Balance* balance) {
  return balance == nullptr ? base::Money::zero() : base::with_share(cost, balance->account->markup);
}

catalog::Limit counter_as_limit(const catalog::Grant& grant) {
  catalog::Limit counter;
  counter.id = catalog::counter_of(grant.id);
  counter.window.kind = base::WindowPolicy::Kind::total;
  counter.amount = grant.credited.nanos();
  return counter;
}

std::vector<catalog::Limit> usable_counters(const catalog::Balance& balance, base::WallTime now) {
  std::vector<catalog::Limit> counters;
  for (const catalog::Grant& grant : balance.grants)
    if (grant.usable_at(now)) counters.push_back(counter_as_limit(grant));
  return counters;
}

FiveNumbers sum_of(std::span<const FiveNumbers> of_grants) {
  FiveNumbers sum;
  for (const FiveNumbers& one : of_grants) {
    sum.amount += one.amount;
    sum.available += one.available;
    sum.reserved += one.reserved;
    sum.unresolved += one.unresolved;
    sum.spent += one.spent;
  }
  sum.window.end = base::far_future;
  return sum;
}

BalanceWant want_from(const catalog::Balance& balance, base::Money charge) {
  BalanceWant want{.account = balance.account->id,
                   .name = balance.account->name,
                   .markup = balance.account->markup,
                   .grants = {},
                   .amount = want_of(charge)};
  want.grants.assign(balance.grants.begin(), balance.grants.end());
  return want;
}

catalog::Limit shown_limit(const BalanceWant& want, std::int64_t amount) {
  catalog::Limit limit;
  limit.subject = want.account;
  limit.name = want.name;
  limit.window.kind = base::WindowPolicy::Kind::total;
  limit.amount = amount;
  return limit;
}

void judge(const BalanceWant& want, const BalanceStanding& standing, Refusal& refusal) {
  if (standing.available >= want.amount) return;
  Shortage shortage{.limit = shown_limit(want, standing.amount),
                    .required = want.amount,
                    .available = std::max<std::int64_t>(standing.available, 0),
                    .window = {.label = {}, .start = {}, .end = base::far_future},
                    .resets_at = std::nullopt,
                    .blocked_at_percent = std::nullopt,
                    .amount = standing.amount,
                    .markup = want.markup};
  if (want.amount > standing.left && refusal.type == base::ErrorType::limit_busy) {
    refusal.type = base::ErrorType::insufficient_balance;
    refusal.shortages.insert(refusal.shortages.begin(), std::move(shortage));
  } else {
    refusal.shortages.push_back(std::move(shortage));
  }
}

bool is_exhausted(const Lease& lease, std::int64_t taken) {
  return lease.amount() - lease.spent() - lease.unresolved() - lease.reserved() <= taken;
}

}  // namespace quota
