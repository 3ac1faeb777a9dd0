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

BalanceWant want_from(const catalog::Balance& balance, base::Money charge) {
  BalanceWant want{.account = balance.account->id,
                   .name = balance.account->name,
                   .markup = balance.account->markup,
                   .grants = {},
                   .amount = want_of(charge)};
  for (const catalog::Grant* grant : balance.grants) want.grants.push_back(*grant);
  return want;
}

catalog::Limit shown_limit(const BalanceWant& want, std::span<const std::shared_ptr<Lease>> leases) {
  catalog::Limit limit;
  limit.subject = want.account;
  limit.name = want.name;
  limit.window.kind = base::WindowPolicy::Kind::total;
  for (const std::shared_ptr<Lease>& lease : leases) limit.amount += lease->amount();
  return limit;
}

bool is_exhausted(const Lease& lease, std::int64_t taken) {
  return lease.amount() - lease.spent() - lease.unresolved() - lease.reserved() <= taken;
}

}  // namespace quota
